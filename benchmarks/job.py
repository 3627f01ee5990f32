"""What the processes of one comparison share: a folder with the instrument's name, the inputs of every stage and the expected outputs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.report import write_result
from benchmarks.source import Source

Arrays = dict[str, NDArray]
PROMPT = "slow ambient pad with soft piano"
GRAPHS = {"step": "cached_decoder", "context": "context_encoder", "decode": "codec_decoder"}


@dataclass(frozen=True)
class Job:
    """One instrument on `threads` threads. `seed` is that of the noise of the stage `block`, whose parity is taken over `blocks` blocks."""

    folder: Path
    bundle: Path
    source: Source
    threads: int
    seed: int
    blocks: int

    def inputs(self, stage: str) -> Arrays:
        """Inputs of the stage's graph by port."""
        return load_arrays(self.folder / f"inputs-{stage}.npz")

    def expected(self, stage: str) -> Arrays:
        """Outputs in float64, by port."""
        return load_arrays(self.folder / f"expected-{stage}.npz")

    def embedding(self) -> NDArray | None:
        """What stands for the prompt where the bundle has no text encoder."""
        path = self.folder / "embedding.npy"
        return np.load(path) if path.exists() else None

    def facts(self) -> dict[str, Any]:
        """What `benchmarks.prepare` found: rounding of torch by stage and port, work by stage, sizes."""
        found: dict[str, Any] = json.loads((self.folder / "facts.json").read_text())
        return found

    def write(self) -> None:
        """Leaves itself in its folder, for the processes."""
        told: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        write_result(self.folder / "job.json", told)

    def prepare(self, say: Callable[[str], object]) -> Job:
        """Exports the instrument where needed and writes inputs and expected outputs, in a process of its own.

        Raises:
            click.ClickException: that failed; its own sentence.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write()
        words = [sys.executable, "-m", "benchmarks.prepare", str(self.folder)]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            last = ""
            for line in process.stderr:
                last = line.strip() or last
                say(last)
        if process.returncode:
            raise click.ClickException(f"benchmarks.prepare ended with exit status {process.returncode}: {last.removeprefix('Error: ')}")
        return Job.read(self.folder)

    @classmethod
    def read(cls, folder: Path) -> Job:
        told = json.loads((folder / "job.json").read_text())
        source = told.pop("source")
        paths = {name: None if source[name] is None else Path(source[name]) for name in ("bundle", "checkpoint", "work")}
        return cls(**told | {"folder": folder, "bundle": Path(told["bundle"]), "source": Source(**source | paths)})


def load_arrays(path: Path) -> Arrays:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def save_arrays(path: Path, arrays: Arrays) -> None:
    np.savez(path, **arrays)  # type: ignore[arg-type]


def swapped(inputs: Arrays) -> Arrays:
    """The fault that parity must see: keys and values of the context in each other's place."""
    other = {"k": "v", "v": "k"}
    return {
        name: inputs[f"self_{other[name[5]]}{name[6:]}"] if name.startswith(("self_k_", "self_v_")) else value
        for name, value in inputs.items()
    }
