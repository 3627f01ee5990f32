"""Export room: turns a checkpoint into a bundle and proves that the bundle equals it."""
