"""TensorRT engines: one builder over both packages, each graph in a process of its own."""
