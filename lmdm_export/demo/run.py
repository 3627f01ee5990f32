"""The demo's stages in order: export, validate, play, report."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from lmdm_export.bundle import ExportResult, export_bundle
from lmdm_export.cli.export import load_source
from lmdm_export.demo import summary as facts
from lmdm_export.demo.files import write_bytes
from lmdm_export.demo.latency import Latency, summarise
from lmdm_export.demo.page import write_page
from lmdm_export.demo.perform import Performance, perform
from lmdm_export.demo.pictures import plot_cost, plot_spectrogram
from lmdm_export.demo.progress import Stage, Stages
from lmdm_export.demo.score import block_count, in_turn
from lmdm_export.validate.report import Report
from lmdm_export.validate.run import validate_bundle
from lmdm_runtime.audio_io import WavWriter, read_audio
from lmdm_runtime.bundle import load_bundle
from lmdm_runtime.session import Session
from lmdm_train.checkpoint.own import checkpoint_files
from lmdm_train.config import CodecConfig

PRIMER_SECONDS = 6.0
FILES = {
    "page": "index.html",
    "audio": "demo.wav",
    "spectrogram": "spectrogram.png",
    "latency": "latency.png",
    "bundle": "bundle",
    "validation": "validation.json",
    "summary": "summary.json",
}


@dataclass(frozen=True)
class Plan:
    """What to play, from what, into which folder."""

    checkpoint: Path
    primer: Path
    prompts: tuple[str, ...]
    seconds: float
    seed: int
    output: Path

    def path(self, name: str) -> Path:
        return self.output / FILES[name]


@dataclass(frozen=True)
class Played:
    """A performance with what it was played on."""

    manifest: dict[str, Any]
    sample_rate: int
    performance: Performance
    latency: Latency
    load_ms: float


def run(plan: Plan, console: Console) -> dict[str, Any]:
    """Run the demo with progress on `console`; returns the summary that it also writes.

    Raises ExportError, LmdmTrainError or LmdmError where a stage refuses what it is given.
    """
    with Stages(console) as stages:
        with stages("export") as stage:
            stage.note("reading the checkpoint and the primer")
            instrument, source = load_source(plan.checkpoint)
            primer = read_primer(plan.primer, instrument.config.codec)
            plan.output.mkdir(parents=True, exist_ok=True)
            exported = export_bundle(instrument, plan.path("bundle"), source, force=True, on_stage=stage.note)
        with stages("validate") as stage:
            report = validate(plan, stage)
        with stages("play") as stage:
            played = play(plan, primer, stage)
        with stages("report"):
            draw(plan, played)
    summary = summarised(plan, exported, report, played, stages.seconds)
    write_bytes(plan.path("validation"), _json(report.to_json()))
    write_bytes(plan.path("summary"), _json(summary))
    write_page(plan.path("page"), summary, plan.path("spectrogram"), plan.path("latency"), played.performance.audio, played.sample_rate)
    return summary


def read_primer(path: Path, codec: CodecConfig) -> np.ndarray:
    """The last PRIMER_SECONDS of an audio file as the codec takes it, [channels, samples]."""
    return read_audio(path, codec.sample_rate, codec.audio_channels)[:, -round(PRIMER_SECONDS * codec.sample_rate) :]


def validate(plan: Plan, stage: Stage) -> Report:
    return validate_bundle(plan.path("bundle"), plan.checkpoint, begin=stage.begin)


def play(plan: Plan, primer: np.ndarray, stage: Stage) -> Played:
    """Load the bundle as any host would, prime it and play it into the audio file."""
    start = time.perf_counter()
    bundle = load_bundle(plan.path("bundle"))
    session = Session(bundle, seed=plan.seed)
    load_ms = 1000 * (time.perf_counter() - start)
    rate, channels = session.sample_rate, bundle.manifest.codec.audio_channels
    period = session.block_samples / rate
    blocks = block_count(plan.seconds, period)
    with WavWriter(plan.path("audio"), rate, channels) as writer:
        performance = perform(
            session, in_turn(plan.seconds, plan.prompts), blocks, primer, writer, rate, period, stage.begin("block by block", blocks)
        )
    latency = summarise(performance.whole_ms, performance.stages_ms, 1000 * period, 1000 * session.delay_samples / rate)
    return Played(bundle.manifest.document, rate, performance, latency, load_ms)


def draw(plan: Plan, played: Played) -> None:
    performance = played.performance
    primer_seconds = performance.primer_samples / played.sample_rate
    plot_spectrogram(plan.path("spectrogram"), performance.audio, played.sample_rate, performance.marks, primer_seconds)
    plot_cost(plan.path("latency"), performance.stages_ms, performance.whole_ms, played.latency.period_ms)


def summarised(plan: Plan, exported: ExportResult, report: Report, played: Played, seconds: dict[str, float]) -> dict[str, Any]:
    """Everything that the demo found, as plain data."""
    return {
        "version": facts.version(),
        "seed": plan.seed,
        "folder": str(plan.output),
        "instrument": facts.instrument_facts(played.manifest),
        "machine": facts.machine_facts(),
        "parity": facts.parity_facts(report),
        "latency": facts.latency_facts(played.latency),
        "music": facts.music_facts(played.performance, plan.seconds, played.sample_rate, played.load_ms),
        "sizes": {
            "bundle_bytes": exported.bytes,
            "weights_bytes": exported.weights_bytes,
            "checkpoint_bytes": sum(path.stat().st_size for path in checkpoint_files(plan.checkpoint) if path.exists()),
        },
        "seconds": seconds,
        "files": FILES,
    }


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
