"""Variants of a bundle in other precisions, held to the rollout of the float32 bundle that they come from."""
