"""Runs a stage for a person: progress, periodic saving, and Ctrl-C that keeps what has been learnt."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lmdm_train.checkpoint import load_instrument, save_instrument
from lmdm_train.codec.files import load_codec, save_codec
from lmdm_train.codec.spectral import SpectralCodec
from lmdm_train.config import SpectralConfig
from lmdm_train.data.captions import caption_corpus, train_tokenizer
from lmdm_train.data.frames import encode_tracks
from lmdm_train.data.music import Track, find_tracks
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.judge import accuracy, hear, save_judge, train_judge
from lmdm_train.model.instrument import Instrument
from lmdm_train.presets import preset
from lmdm_train.stages.codec import CodecTraining, prepare, train_codec
from lmdm_train.stages.finetune import Average, FineTuning, fine_tune

SAVE_EVERY = 250


def _bar() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))


def watched(train: Callable[[Callable[[int, float], None]], object], save: Callable[[], None], steps: int, name: str) -> float:
    """Run `train(on_step)` under a bar, save every `SAVE_EVERY` steps and at the end or at Ctrl-C; returns the last mean loss."""
    recent: deque[float] = deque(maxlen=50)
    with _bar() as bar:
        task = bar.add_task(name, total=steps, note="")

        def on_step(step: int, loss: float) -> None:
            recent.append(loss)
            bar.update(task, completed=step, note=f"loss {sum(recent) / len(recent):.4f}")
            if step % SAVE_EVERY == 0:
                save()
                if not bar.console.is_terminal:
                    bar.console.print(f"{name} step {step}: loss {sum(recent) / len(recent):.4f}")

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
    loss = watched(
        lambda on_step: train_codec(codec, prepared, settings, on_step, seconds), lambda: save_codec(output, codec), steps, "codec"
    )
    Console().print(f"{output}: mean loss of the last steps {loss:.4f}")


def fresh_instrument(preset_name: str, codec_file: Path, tracks: list[Track]) -> Instrument:
    """An untrained instrument of a preset around a trained codec, with a tokenizer made from the tracks' captions.

    Raises:
        LmdmTrainError: the preset has another codec than the file.
    """
    config = preset(preset_name)
    codec = load_codec(codec_file)
    if config.codec != codec.config:
        raise LmdmTrainError(
            f"{codec_file} was trained as {codec.config}, preset {preset_name} expects {config.codec}; train a codec for it"
        )
    tokenizer = train_tokenizer(caption_corpus(tracks), config.text.vocabulary)
    instrument = Instrument(config, tokenizer=tokenizer)
    instrument.codec.load_state_dict(codec.state_dict())
    return instrument


def run_finetune(
    music: Path,
    output: Path,
    settings: FineTuning,
    *,
    preset_name: str,
    codec_file: Path | None,
    resume: Path | None,
    minutes: float | None,
) -> None:
    """Train an instrument on the training tracks of `music` and write its averaged weights to `output`."""
    torch.manual_seed(settings.seed)
    tracks = [track for track in find_tracks(music) if not track.held_out]
    if resume is not None:
        instrument = load_instrument(resume)
    elif codec_file is not None:
        instrument = fresh_instrument(preset_name, codec_file, tracks)
    else:
        raise LmdmTrainError("neither a codec nor a checkpoint was given; run: lmdm train finetune --codec FILE")
    with _bar() as bar:
        task = bar.add_task("encoding", total=len(tracks), note="")
        encoded = encode_tracks(instrument.codec, tracks, lambda done: bar.update(task, completed=done))
    average = Average(instrument, settings.ema)
    seconds = None if minutes is None else minutes * 60
    loss = watched(
        lambda on_step: fine_tune(instrument, encoded, settings, on_step, seconds, average),
        lambda: _save_average(output, average),
        settings.steps,
        "finetune",
    )
    Console().print(f"{output}: mean loss of the last steps {loss:.4f}")


def _save_average(output: Path, average: Average) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    module = average.module
    assert isinstance(module, Instrument)
    save_instrument(output, module, dtype=torch.float16)


def run_judge(music: Path, codec_file: Path, output: Path, *, steps: int) -> None:
    """Train the judge on the training tracks of `music` and write it with its accuracy on the held-out ones."""
    codec, tracks = load_codec(codec_file), find_tracks(music)
    with _bar() as bar:
        task = bar.add_task("listening", total=len(tracks), note="")
        heard = hear(tracks, codec, lambda done: bar.update(task, completed=done))
        kept = [item for index, item in enumerate(heard) if not tracks[index // 2].held_out]
        task = bar.add_task("judge", total=steps, note="")
        judge = train_judge(kept, steps=steps, on_step=lambda step, loss: bar.update(task, completed=step, note=f"loss {loss:.3f}"))
    measured = accuracy(judge, [item for index, item in enumerate(heard) if tracks[index // 2].held_out])
    save_judge(output, judge, measured)
    Console().print(f"{output}: held-out accuracy " + ", ".join(f"{name} {value:.2f}" for name, value in measured.items()))
