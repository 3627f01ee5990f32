"""The sub-commands of `lmdm evaluate`, one module each."""
