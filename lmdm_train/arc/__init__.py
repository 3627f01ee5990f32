"""ARC-Forcing (paper §4.2): a few-step generator learns from its own rollouts and a bidirectional discriminator."""
