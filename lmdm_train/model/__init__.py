"""The diffusion transformer, its attention patterns and its conditioning."""
