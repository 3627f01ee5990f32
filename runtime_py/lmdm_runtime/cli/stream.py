"""`lmdm stream`: play a bundle to a sound device, paced in real time, or to a clock alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from lmdm_runtime.cli.options import SESSION_OPTIONS, open_session, with_options
from lmdm_runtime.errors import LmdmError
from lmdm_runtime.pacing import BlockFeeder, PacedReport


class DeviceError(LmdmError):
    """No sound device can be played to."""


@click.command()
@with_options(SESSION_OPTIONS)
@click.option("-p", "--prompt", default="", help="Prompt at the start.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=None, help="Stop after this long; by default at Ctrl-C.")
@click.option("--prime", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Audio file that the music continues.")
@click.option("--device", default=None, help="Name or number of the output device.")
@click.option("--dry", is_flag=True, help="Keep the pace of a device without one, and report.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of sentences.")
def stream(prompt: str, seconds: float | None, prime: Path | None, device: str | None, dry: bool, as_json: bool, **options: Any) -> None:
    """Stream BUNDLE live. The exit code is 1 when a block came too late.

    \b
    Examples:
      lmdm stream out/default --prompt "techno with saw lead"
      lmdm stream out/default --dry --seconds 60 --json
    """
    from lmdm_runtime.audio_io import read_audio

    session, manifest = open_session(**options)
    codec = manifest.codec
    samples = manifest.model.block * codec.frame_size
    session.set_prompt(prompt)
    if prime is not None:
        session.prime(read_audio(prime, codec.sample_rate, codec.audio_channels))
    if dry and seconds is None:
        seconds = 30.0
    feeder = BlockFeeder(session.next_block, samples / codec.sample_rate)
    note = Console(stderr=True, quiet=as_json).print
    try:
        if dry:
            _tick(feeder, samples / codec.sample_rate, seconds or 30.0)
        else:
            _play(feeder, codec.sample_rate, codec.audio_channels, samples, device, seconds, note)
    except KeyboardInterrupt:
        note("stopped")
    finally:
        feeder.stop()
    _tell(feeder.report, as_json)
    if feeder.report.underruns:
        click.get_current_context().exit(1)


def _tick(feeder: BlockFeeder, period: float, seconds: float) -> None:
    """Take a block every period, as a device would."""
    feeder.start()
    began = time.perf_counter()
    for tick in range(round(seconds / period)):
        time.sleep(max(0.0, began + tick * period - time.perf_counter()))
        feeder.take()


def _play(
    feeder: BlockFeeder, rate: int, channels: int, samples: int, device: str | None, seconds: float | None, note: Callable[..., None]
) -> None:
    """Write blocks to a sound device until `seconds` have passed or Ctrl-C. A missing block is played as silence."""
    try:
        import sounddevice
    except (ImportError, OSError) as failure:
        raise DeviceError(
            f"no sound library ({failure}); run: pip install 'lmdm[play]' and apt-get install libportaudio2, or use --dry"
        ) from None
    try:
        output = sounddevice.OutputStream(rate, samples, int(device) if device and device.isdigit() else device, channels, "float32")
    except (sounddevice.PortAudioError, ValueError) as failure:
        raise DeviceError(f"no sound device can be opened ({failure}); list them with `python -m sounddevice`, or use --dry") from None
    feeder.start()
    note(f"playing at {rate} Hz; Ctrl-C stops")
    silence = np.zeros((samples, channels), np.float32)
    with output:
        began = time.perf_counter()
        while seconds is None or time.perf_counter() - began < seconds:
            block = feeder.take()
            output.write(silence if block is None else np.ascontiguousarray(block.T))


def _tell(report: PacedReport, as_json: bool) -> None:
    summary = report.summary()
    if as_json:
        click.echo(json.dumps(summary))
    elif summary["blocks"]:
        made = f"{summary['p50_ms']} ms (median), {summary['p99_ms']} ms (99 %), {summary['max_ms']} ms at most"
        click.echo(f"{summary['blocks']} blocks of {summary['period_ms']} ms: made in {made}; {summary['underruns']} underruns")
