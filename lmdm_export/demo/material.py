"""What the demo starts from when it is given nothing: the default instrument, its primer and three prompts."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from lmdm_export.errors import ExportError

# The first is the caption of the primer, so that the music goes on before it changes.
PROMPTS = (
    "techno in Gb minor, 124 bpm, with saw lead, bright pad, synth bass and drums",
    "jazz in Bb major, 138 bpm, with saxophone, piano, acoustic bass and drums",
    "ambient in Eb minor, 68 bpm, with vibraphone, warm pad and acoustic bass",
)


def default_checkpoint() -> Path:
    """The default instrument's checkpoint. Raises ExportError where this installation has none."""
    return _shipped("default.safetensors", "give a checkpoint of your own with --checkpoint, or train one: lmdm train --help")


def default_primer() -> Path:
    """A few seconds of rendered music. Raises ExportError where this installation has none."""
    return _shipped("primer.flac", "give an audio file with --primer")


def _shipped(name: str, remedy: str) -> Path:
    path = Path(str(files("lmdm_train") / "default" / name))
    if not path.is_file():
        raise ExportError(f"{path} is missing from this installation; {remedy}")
    return path
