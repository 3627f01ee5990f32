"""The demo: one command from a checkpoint to a validated bundle, half a minute of streamed music and a report of both."""
