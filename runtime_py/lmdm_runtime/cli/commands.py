"""The table of sub-commands: where each lives, what it does in one line and which extra it needs."""

from __future__ import annotations

from typing import NamedTuple


class CommandEntry(NamedTuple):
    """One sub-command. `target` is "module:attribute"; `extra` is the extra of the `lmdm` distribution that it needs, if any."""

    target: str
    summary: str
    extra: str | None = None


COMMANDS: dict[str, CommandEntry] = {
    "demo": CommandEntry("lmdm_export.demo.command:demo", "Export, validate and play the default instrument, with a report.", "export"),
    "generate": CommandEntry("lmdm_runtime.cli.generate:generate", "Play a bundle into an audio file."),
    "stream": CommandEntry("lmdm_runtime.cli.stream:stream", "Play a bundle to a sound device, paced in real time."),
    "inspect": CommandEntry("lmdm_runtime.cli.inspect:inspect", "Show what a bundle holds."),
    "threads": CommandEntry("lmdm_runtime.cli.threads:threads", "Measure how many threads make a block soonest, and keep the choice."),
    "export": CommandEntry("lmdm_export.cli.export:export", "Write a checkpoint as a bundle.", "export"),
    "validate": CommandEntry("lmdm_export.validate.cli:validate", "Check a bundle against its checkpoint, step by step.", "export"),
    "precision": CommandEntry("lmdm_export.precision.cli:precision", "Measure a bundle's precisions, and write one.", "export"),
    "bisect": CommandEntry("lmdm_export.precision.bisect_cli:bisect", "Name what breaks in a precision, and what to keep.", "export"),
    "build": CommandEntry("lmdm_export.engines.cli:build", "Build a bundle's graphs as TensorRT engines.", "export"),
    "import": CommandEntry("lmdm_export.cli.import_:import_", "Convert a published checkpoint to the project's format.", "export"),
    "data": CommandEntry("lmdm_train.data.cli:data", "Make training music: compose, render, encode, pack.", "train"),
    "train": CommandEntry("lmdm_train.stages.cli:train", "Train a codec or an instrument.", "train"),
    "evaluate": CommandEntry("lmdm_train.evaluate.cli:evaluate", "Measure what an instrument plays.", "train"),
    "doctor": CommandEntry("lmdm_runtime.cli.doctor:doctor", "Check this machine, with the exact fix for what is missing."),
}
