"""One performance of the plugin through lmdm-plugin-host: what is played to it, what is turned, and what is read back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import soundfile
from numpy.typing import NDArray

Audio = NDArray[np.float32]
Event = dict[str, Any]
PIECE_SECONDS = 120


@dataclass(frozen=True)
class Stage:
    """Where the plugin plays.

    Attributes:
        folder: of the plugin's build.
        work: for what is recorded; it needs room for the longest performance.
    """

    folder: Path
    bundle: Path
    work: Path
    rate: int
    block: int
    priority: int

    def built(self, name: str) -> Path:
        for path in sorted(self.folder.rglob(name)):
            return path
        raise click.ClickException(
            f"there is no {name} in {self.folder}; build it with: cmake --preset plugin && cmake --build --preset plugin"
        )


@dataclass(frozen=True)
class Performed:
    """The host's report, the plugin's journal (a line a second), and where the recording is."""

    report: dict[str, Any]
    journal: list[dict[str, Any]]
    recording: Path

    @property
    def latency(self) -> int:
        """Samples, as told at the end."""
        return int(self.report["latencies"][-1]["samples"])

    def count(self, name: str, first: float = 0.0, last: float = float("inf")) -> int:
        """How far a counter of the journal rose between two seconds; it begins at 0 again where the plugin does."""
        total, before = 0, 0
        for line in self.journal:
            now = int(line[name])
            if first <= line["seconds"] <= last:
                total += now - before if now >= before else now
            before = now
        return total

    def pieces(self) -> Iterator[tuple[int, Audio]]:
        """The left channel: (number of the first sample, samples)."""
        with soundfile.SoundFile(self.recording) as file:
            while file.tell() < file.frames:
                yield file.tell(), file.read(PIECE_SECONDS * file.samplerate, dtype="float32", always_2d=True)[:, 0].copy()


class Performance:
    """A host that plays; `wait` gives what it saw."""

    def __init__(self, stage: Stage, name: str, seconds: float, sound: Audio, events: list[Event]) -> None:
        self._files = {kind: stage.work / f"{name}.{kind}" for kind in ("json", "wav", "log", "script", "input.wav")}
        for file in self._files.values():
            file.unlink(missing_ok=True)
        soundfile.write(self._files["input.wav"], sound, stage.rate, subtype="FLOAT")
        self._files["script"].write_text(json.dumps(events))
        command = [stage.built("lmdm-plugin-host"), stage.built("GenerativeDelay.vst3"), "--seconds", seconds, "--rate", stage.rate]
        command += ["--block", stage.block, "--priority", stage.priority, "--input", self._files["input.wav"]]
        command += ["--script", self._files["script"], "--json", self._files["json"], "--wav", self._files["wav"]]
        environment = {**os.environ, "LMDM_BUNDLE": str(stage.bundle.resolve()), "LMDM_PLUGIN_LOG": str(self._files["log"])}
        words = [str(word) for word in command]
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env={"VIRTUAL_ENV": sys.prefix, **environment})

    def wait(self) -> Performed:
        """
        Raises:
            click.ClickException: the host ended in an error; its own sentence.
        """
        _, complaints = self.process.communicate()
        if self.process.returncode != 0:
            raise click.ClickException(complaints.strip() or f"lmdm-plugin-host ended with {self.process.returncode}")
        journal = [json.loads(line) for line in self._files["log"].read_text().splitlines()]
        return Performed(json.loads(self._files["json"].read_text()), journal, self._files["wav"])


def plucks(rate: int, seconds: float, seed: int = 0) -> Audio:
    """Plucked notes of a pentatonic scale, some together, with rests: [samples, 2]."""
    rng = np.random.default_rng(seed)
    sound = np.zeros((round(seconds * rate), 2), np.float32)
    place = 0.0
    while place < seconds - 2:
        for _ in range(int(rng.integers(1, 3))):
            note = pluck(rate, 110 * 2 ** (rng.choice([0, 3, 5, 7, 10, 12, 15, 17, 19]) / 12), 1.8, rng)
            begin = round(place * rate)
            sound[begin : begin + len(note)] += note[: len(sound) - begin, None] * rng.uniform(0.1, 0.4, 2).astype(np.float32)
        place += float(rng.choice([0.125, 0.25, 0.5, 1.0, 2.0], p=[0.3, 0.3, 0.25, 0.1, 0.05]))
    return sound


def pluck(rate: int, hertz: float, seconds: float, rng: np.random.Generator) -> Audio:
    """A string of Karplus and Strong's: noise that goes round through a mean of two neighbours."""
    string = rng.uniform(-1, 1, round(rate / hertz))
    turns = [string]
    for _ in range(int(seconds * hertz)):
        string = 0.498 * (string + np.roll(string, 1))
        turns.append(string)
    note = np.concatenate(turns)
    return (note * np.minimum(1, np.arange(len(note), 0, -1) / (0.05 * rate))).astype(np.float32)
