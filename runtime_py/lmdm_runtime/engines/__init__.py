"""TensorRT engines of a bundle: what they are built by, what they are keyed by, and where they lie."""
