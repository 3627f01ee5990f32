"""The stages that make checkpoints."""
