"""`python -m benchmarks.steering`: what strength does to the following of a sketch, and feedback to the level."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe_machine
from benchmarks.report import RESULTS, write_result
from lmdm_runtime import Session, load_bundle
from lmdm_runtime.backends.onnxruntime import OrtOptions
from lmdm_runtime.bundle import Bundle

PROMPT = "ambient with warm pad"
SWELL_SECONDS, SWELL_DB = 7.5, (-40.0, -15.0)
WINDOW_SECONDS = 0.75
NOTES_HZ = 220 * 2 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16, 19, 21]) / 12)
NOTE_SECONDS = 0.5
TOP = 3


def melody(rate: int, samples: int, seed: int) -> NDArray[np.float32]:
    """Plucked notes [samples] under a swell: a sketch that no piece of the training set is."""
    t = np.arange(samples) / rate
    note = (t / NOTE_SECONDS).astype(int)
    pitch = np.random.default_rng(seed).choice(NOTES_HZ, note.max() + 1)[note]
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    tone = sum(np.sin(k * phase) / k for k in range(1, 5)) * np.exp(-3 * (t % NOTE_SECONDS))
    middle, reach = np.mean(SWELL_DB), (SWELL_DB[1] - SWELL_DB[0]) / 2
    gain = 10 ** ((middle - reach * np.cos(2 * np.pi * t / SWELL_SECONDS)) / 20)
    return (tone / np.sqrt(np.mean(tone**2)) * gain).astype(np.float32)


def levels(audio: NDArray, rate: int) -> NDArray[np.float64]:
    """Decibels of mono audio [samples], averaged over 0.75 s, four a window."""
    step = int(WINDOW_SECONDS * rate / 4)
    power = np.square(audio[: len(audio) // step * step].astype(np.float64)).reshape(-1, step).mean(axis=1)
    return 10 * np.log10(np.convolve(power, np.full(4, 0.25), "valid") + 1e-12)


def played(session: Session, blocks: int) -> NDArray[np.float32]:
    """Mono audio of so many blocks."""
    return np.concatenate([session.next_block().mean(axis=0) for _ in range(blocks)])


def recalled(asked: NDArray, heard: NDArray, shift: int = 0) -> float:
    """Of the strongest bins that were asked for, [channels, frames] presence first, the share among the strongest that are heard."""
    top_asked, top_heard = (np.argsort(-values[1:], axis=0)[:TOP] for values in (np.roll(asked, shift, axis=1), heard))
    return float(np.mean([len(set(a) & set(b)) / TOP for a, b in zip(top_asked.T, top_heard.T, strict=True)]))


def followed(bundle: Bundle, strength: float, blocks: int, threads: int, seed: int) -> dict[str, float]:
    """How a melody under a swell is followed at one strength, beside the same comparison with the sketch at a wrong time."""
    session = Session(bundle, seed, options=OrtOptions(threads=threads))
    rate, kinds = session.sample_rate, tuple(session.sketch.groups)
    sketch = melody(rate, blocks * session.block_samples, seed)
    channels = bundle.manifest.codec.audio_channels
    session.set_prompt(PROMPT)
    session.sketch.choose(kinds)
    for kind in kinds:
        session.sketch.set_strength(kind, strength)
    session.sketch.feed(np.tile(sketch, (channels, 1)))
    audio = played(session, blocks)
    asked, heard = levels(sketch, rate), levels(audio, rate)
    wrong = np.roll(asked, round(SWELL_SECONDS / 3 / (WINDOW_SECONDS / 4)))
    for kind in kinds:
        session.sketch.set_strength(kind, 1.0)
    of_sketch, of_audio = (session.sketch.analyse(np.tile(sound, (channels, 1))) for sound in (sketch, audio))
    made = {
        "strength": strength,
        "loudness_r": float(np.corrcoef(asked, heard)[0, 1]),
        "loudness_r_shifted": float(np.corrcoef(wrong, heard)[0, 1]),
        "loudness_slope": float(np.polyfit(asked, heard, 1)[0]),
    }
    if "pitch" in kinds:
        pitch = session.sketch.groups["pitch"][0]
        shift = round(1.25 * rate / bundle.manifest.codec.frame_size)
        made["pitch_recalled"] = recalled(of_sketch[pitch][0], of_audio[pitch][0])
        made["pitch_recalled_shifted"] = recalled(of_sketch[pitch][0], of_audio[pitch][0], shift)
    return made


def fed_back(bundle: Bundle, feedback: float, seconds: float, threads: int, seed: int) -> dict[str, Any]:
    """The level in sixths of a rollout that nothing but its prompt steers."""
    session = Session(bundle, seed, options=OrtOptions(threads=threads))
    session.set_prompt(PROMPT)
    session.tune(feedback=feedback)
    audio = played(session, round(seconds * session.sample_rate / session.block_samples))
    parts = [10 * np.log10(np.mean(np.square(part.astype(np.float64))) + 1e-12) for part in np.array_split(audio, 6)]
    return {"feedback": feedback, "level_db": [round(float(part), 2) for part in parts], "peak": float(np.abs(audio).max())}


def mean_of(rows: Iterable[dict[str, float]]) -> dict[str, float]:
    """The mean of every figure over rows."""
    table = list(rows)
    return {name: round(float(np.mean([row[name] for row in table])), 3) for name in table[0]}


@click.command()
@click.option("--bundle", type=click.Path(exists=True, file_okay=False, path_type=Path), default="out/demo/bundle", show_default=True)
@click.option("--strength", "strengths", type=click.FloatRange(0, 1), multiple=True, default=(1.0, 0.5, 0.25, 0.0), show_default=True)
@click.option("--feedback", "gains", type=click.FloatRange(0, 1), multiple=True, default=(0.0, 0.5, 1.0), show_default=True)
@click.option("--blocks", type=click.IntRange(30), default=60, show_default=True, help="Of each melody.")
@click.option("--melodies", type=click.IntRange(1), default=3, show_default=True)
@click.option("--seconds", type=click.FloatRange(6), default=60.0, show_default=True, help="Of each rollout for the level.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--name", default="default", show_default=True, help="Of the result file.")
def steering(
    bundle: Path,
    strengths: tuple[float, ...],
    gains: tuple[float, ...],
    blocks: int,
    melodies: int,
    seconds: float,
    threads: int,
    name: str,
) -> None:
    """How a sketch is followed at less than full strength, and the level of a rollout at each feedback."""
    opened = load_bundle(bundle)
    result = {
        "machine": describe_machine(),
        "bundle": opened.manifest.name,
        "checkpoint": opened.manifest.checkpoint,
        "settings": {"blocks": blocks, "melodies": melodies, "seconds": seconds, "prompt": PROMPT},
        "strengths": [mean_of(followed(opened, strength, blocks, threads, seed) for seed in range(melodies)) for strength in strengths],
        "feedback": [fed_back(opened, gain, seconds, threads, 0) for gain in gains],
    }
    write_result(RESULTS / f"steering-{name}.json", result)
    click.echo(json.dumps({key: result[key] for key in ("strengths", "feedback")}, indent=1))


if __name__ == "__main__":
    steering()
