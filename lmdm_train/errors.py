"""The one base class of everything that this room refuses; its message is a sentence for the user."""

from __future__ import annotations


class LmdmTrainError(Exception):
    """Bad input to training, to a model or to a checkpoint: says what, what was found, what was expected and what to do."""


class CheckpointError(LmdmTrainError):
    """A checkpoint file cannot be read, or its keys, shapes or values do not fit the configuration."""


class ModelError(LmdmTrainError):
    """A network was asked for something that its configuration rules out."""


class TextError(LmdmTrainError):
    """A prompt cannot be encoded: no tokenizer, no text encoder, or a file of theirs is missing."""


class SamplingError(LmdmTrainError):
    """A schedule, solver or guidance that cannot be used as asked."""


class RolloutError(LmdmTrainError):
    """A rollout was given a prompt timeline, context, control or pattern that does not fit it."""
