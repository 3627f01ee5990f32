"""Training room: the network, its codecs, the reference rollouts and the stages that make checkpoints. Knows nothing of ONNX."""
