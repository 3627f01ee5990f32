"""Training room: the network, its codecs, the reference rollouts and the stages that make checkpoints. Knows nothing of ONNX."""

import os

# The OpenMP threads of torch spin while they wait for each other, by default for millions of turns. Where other work wants the same
# cores, each operator then waits for a scheduler's turn: fixtures of an export took minutes instead of seconds. The library reads the
# variable when torch loads it, and whatever imports torch here belongs to this package or imports it first.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
