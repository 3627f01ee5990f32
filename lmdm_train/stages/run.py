"""Runs a stage for a person: progress, periodic saving, and Ctrl-C that keeps what has been learnt."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lmdm_train.codec.files import load_codec, save_codec
from lmdm_train.codec.spectral import SpectralCodec
from lmdm_train.config import SpectralConfig
from lmdm_train.data.music import find_tracks
from lmdm_train.stages.codec import CodecTraining, prepare, train_codec

SAVE_EVERY = 250


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def watched(train: Callable[[Callable[[int, float], None]], None], save: Callable[[], None], steps: int, name: str) -> float:
    """Run `train(on_step)` under a bar, save every `SAVE_EVERY` steps and at the end or at Ctrl-C; returns the last mean loss."""
    recent: deque[float] = deque(maxlen=50)
    with _bar() as bar:
        task = bar.add_task(name, total=steps, note="")

        def on_step(step: int, loss: float) -> None:
            recent.append(loss)
            bar.update(task, completed=step, note=f"loss {sum(recent) / len(recent):.4f}")
            if step % SAVE_EVERY == 0:
                save()

        try:
            train(on_step)
        except KeyboardInterrupt:
            bar.console.print("interrupted: saving what has been learnt")
    save()
    return sum(recent) / max(1, len(recent))


def run_codec(music: Path, output: Path, *, steps: int, batch: int, seed: int, minutes: float | None, resume: Path | None) -> None:
    """Train the spectral codec on the training tracks of `music` and write `output`."""
    torch.manual_seed(seed)
    codec = load_codec(resume) if resume else SpectralCodec(SpectralConfig())
    tracks = [track for track in find_tracks(music) if not track.held_out]
    with _bar() as bar:
        task = bar.add_task("analysing", total=len(tracks), note="")
        prepared = prepare(codec, tracks, lambda done: bar.update(task, completed=done))
    settings = CodecTraining(steps=steps, batch=batch, seed=seed)
    seconds = None if minutes is None else minutes * 60
    loss = watched(lambda on_step: train_codec(codec, prepared, settings, on_step, seconds), lambda: save_codec(output, codec), steps, "codec")
    Console().print(f"{output}: mean loss of the last steps {loss:.4f}")
