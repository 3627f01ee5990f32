"""`lmdm generate`: play a bundle into an audio file, block by block, as a stream would."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from lmdm_runtime.cli.control_options import CONTROL_OPTIONS, controls_in_use, feed_controls, finish_accompaniment
from lmdm_runtime.cli.options import SESSION_OPTIONS, open_session, with_options
from lmdm_runtime.prompt_script import PromptScript, read_prompt_script, single_prompt

DEFAULT_SECONDS = 20.0


@click.command()
@with_options(SESSION_OPTIONS)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="WAV or FLAC file to write.")
@click.option("-p", "--prompt", default=None, help="One prompt throughout.")
@click.option(
    "--script", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Prompt script: a second and a prompt on each line."
)
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), default=None, help="How much; by default as long as the input, or 20 without one."
)
@with_options(CONTROL_OPTIONS)
@click.option("--prime", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Audio file that the music continues.")
@click.option("--keep-prime/--drop-prime", default=True, show_default=True, help="Begin the output with the priming audio.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of sentences.")
def generate(
    output: Path,
    prompt: str | None,
    script: Path | None,
    seconds: float | None,
    prime: Path | None,
    keep_prime: bool,
    sketch: Path | None,
    sketch_controls: tuple[str, ...] | None,
    smoothing: int | None,
    accompaniment: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Generate audio from BUNDLE into a file.

    \b
    Examples:
      lmdm generate out/default -o piece.wav --prompt "jazz with saxophone" --seconds 30
      lmdm generate out/default -o piece.wav --script set.txt --prime intro.wav --seed 7
      lmdm generate out/default -o piece.wav --sketch humming.wav --sketch-controls pitch --smoothing 5

    \b
    A prompt script has one entry a line; several prompts mix by weight:
      0   ambient with warm pad
      8   techno with drums : 0.7 | jazz with saxophone : 0.3
    """
    from lmdm_runtime.audio_io import WavWriter, read_audio
    from lmdm_runtime.joining import primed_opening

    session, manifest = open_session(**options)
    rate, channels = manifest.codec.sample_rate, manifest.codec.audio_channels
    samples = manifest.model.block * manifest.codec.frame_size
    given = feed_controls(session, sketch, sketch_controls, smoothing, accompaniment)
    if seconds is None:
        seconds = given or DEFAULT_SECONDS
    # A delayed stream is played on until the last sample that was asked for has come out.
    end = session.delay_samples + round(seconds * rate)
    blocks = math.ceil(end / samples)
    cues = _script(prompt, script).by_block(samples / rate)
    finish_accompaniment(session, accompaniment, blocks)
    session.set_prompts(list(cues[0]))
    opening, start = np.zeros((channels, 0), np.float32), session.delay_samples
    if prime is not None:
        opening, joined = primed_opening(session, read_audio(prime, rate, channels))
        start = joined if keep_prime else start
    began, slowest = time.perf_counter(), 0.0
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("generating"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=console,
        disable=as_json or not console.is_terminal,
    )
    with WavWriter(output, rate, channels) as writer, bar:
        task = bar.add_task("generating", total=blocks, note="")
        if keep_prime and opening.shape[1]:
            writer.write(opening)
        for index in range(blocks):
            if index and index in cues:
                session.set_prompts(list(cues[index]))
            asked = time.perf_counter()
            audio = session.next_block()
            slowest = max(slowest, time.perf_counter() - asked)
            first = index * samples
            writer.write(audio[:, max(0, start - first) : max(0, end - first)])
            bar.update(task, advance=1, note=f"block {index + 1} of {blocks}")
    elapsed = time.perf_counter() - began
    result = {
        "output": str(output),
        "seconds": round(writer.samples / rate, 3),
        "generated_seconds": round(seconds, 3),
        "controls": controls_in_use(session),
        "sample_rate": rate,
        "peak": round(writer.peak, 4),
        "blocks": blocks,
        "mean_block_ms": round(1000 * elapsed / blocks, 2),
        "slowest_block_ms": round(1000 * slowest, 2),
        "block_period_ms": round(1000 * samples / rate, 2),
    }
    if as_json:
        click.echo(json.dumps(result))
        return
    pace = f"{result['mean_block_ms']:.0f} ms a block on average, {result['slowest_block_ms']:.0f} ms at most"
    click.echo(
        f"{output}: {result['seconds']:g} s at {rate} Hz, peak {result['peak']}; {pace}, for blocks of {result['block_period_ms']:.0f} ms"
    )


def _script(prompt: str | None, script: Path | None) -> PromptScript:
    if prompt is not None and script is not None:
        raise click.UsageError("give --prompt or --script, not both")
    return read_prompt_script(script) if script is not None else single_prompt(prompt or "")
