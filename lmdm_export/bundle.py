"""From an instrument to a bundle: graphs, shared weights, tokenizer, states, fixtures and, last, the manifest."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from lmdm_export import manifest_document as document
from lmdm_export.check import CheckedGraph, checked
from lmdm_export.errors import ExportError
from lmdm_export.fixtures import usual_blocks, write_fixtures
from lmdm_export.graphs import GraphSpec, InstrumentGraphs, build_graphs
from lmdm_export.onnx_writer import to_onnx
from lmdm_export.parity import require_parity
from lmdm_export.settings import ExportSettings
from lmdm_export.shared_weights import SharedWeights
from lmdm_export.simplify import simplified
from lmdm_export.staging import require_writable, staged_folder
from lmdm_export.validate.scenario import USUAL_BLOCKS
from lmdm_runtime.errors import BundleError
from lmdm_runtime.manifest import FORMAT_VERSION, parse_manifest
from lmdm_train.config import InstrumentConfig
from lmdm_train.control import AccompanimentControl
from lmdm_train.model.instrument import Instrument

WEIGHTS = "weights.bin"
TOKENIZER = "tokenizer.model"
Stage = Callable[[str], object]


@dataclass(frozen=True)
class Source:
    """The checkpoint that a bundle says it was made from, and the command."""

    name: str
    sha256: str
    command: str


@dataclass
class ExportResult:
    """What was written. `seconds` by stage; `notes` are sentences worth reading."""

    path: Path
    name: str
    bytes: int = 0
    weights_bytes: int = 0
    weights_used_bytes: int = 0
    nodes: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def sharing(self) -> float:
        """Bytes of weights that the graphs would hold apart, over the bytes stored."""
        return self.weights_used_bytes / max(self.weights_bytes, 1)

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "path": str(self.path), "sharing": self.sharing}


def configured(instrument: Instrument, settings: ExportSettings) -> Instrument:
    """The instrument under the settings; weights are shared with the one given.

    Raises:
        ExportError: the settings do not suit it, or a weight is not finite.
    """
    changed = copy.copy(instrument)
    changed.config = settings.applied(instrument.config)
    bad = [name for name, value in instrument.state_dict().items() if value.is_floating_point() and not bool(torch.isfinite(value).all())]
    if bad:
        raise ExportError(f"{changed.config.name} has NaN or infinite values in {bad[0]} ({len(bad)} such); use an earlier checkpoint")
    return changed


def layout_notes(config: InstrumentConfig, settings: ExportSettings) -> list[str]:
    """What to know of a layout that the checkpoint was not trained with."""
    asked, trained = settings.layout, config.layout
    if asked is None or asked == trained:
        return []
    notes = [
        f"exported at layout {asked}, trained at {trained}: the network never saw blocks of {asked.block} frames begin at frame "
        f"{asked.context}, so it may play worse until it is trained on at {asked}"
    ]
    hidden = [control.cutoff for control in config.controls if isinstance(control, AccompanimentControl)]
    if hidden and asked.context != trained.context:
        before, now = hidden[0] - trained.context, hidden[0] - asked.context
        notes.append(f"the accompaniment's cutoff stays at frame {hidden[0]} of the window, so its t_f goes from {before} to {now} frames")
    return notes


def export_bundle(
    instrument: Instrument,
    target: Path,
    source: Source,
    settings: ExportSettings | None = None,
    *,
    force: bool = False,
    on_stage: Stage | None = None,
) -> ExportResult:
    """Write the bundle of an instrument. The same instrument and settings give the same bytes.

    Args:
        on_stage: called with the name of each stage as it begins.

    Raises:
        ExportError: the instrument cannot be exported as asked, or the target must not or cannot be written.
    """
    settings = settings or ExportSettings()
    require_writable(target, force=force)
    watch = _Watch(on_stage)
    watch("prepare")
    notes = layout_notes(instrument.config, settings)
    instrument = configured(instrument, settings)
    graphs = build_graphs(instrument, settings.fade)
    result = ExportResult(target, instrument.config.name, notes=notes)
    with staged_folder(target, force=force) as folder:
        found = _write_graphs(folder, graphs, settings, result, watch)
        states = _write_states(folder, graphs)
        if graphs.graphs[0].name == "text_encoder":
            (folder / TOKENIZER).write_bytes(instrument.conditioner.tokenizer.model)
        watch("fixtures")
        blocks = settings.rollout_blocks or usual_blocks(instrument)
        if settings.rollout_blocks is None and blocks < USUAL_BLOCKS:
            notes.append(
                f"the closed-loop fixture holds {blocks} blocks, as the network is large; lmdm validate --checkpoint runs {USUAL_BLOCKS}"
            )
        fixtures = write_fixtures(folder, instrument, graphs, blocks, on_stage)
        watch("parity")
        require_parity(folder, fixtures)
        watch("manifest")
        manifest = {
            "format_version": FORMAT_VERSION,
            "name": instrument.config.name,
            "created_with": document.created_with(source.command),
            "checkpoint": {"name": source.name, "sha256": source.sha256},
            "model": document.model_entry(instrument, graphs.batch),
            "codec": document.codec_entry(instrument, graphs, states),
            "text": document.text_entry(instrument, TOKENIZER),
            "sampling": document.sampling_entry(instrument),
            "controls": document.control_entries(instrument.config),
            "sketch": document.sketch_entry(instrument.config, states),
            "graphs": {name: document.graph_entry(folder, f"graphs/{name}.onnx", graph) for name, graph in found.items()},
            "files": document.file_entries(folder),
            "fixtures": fixtures,
        }
        try:
            parse_manifest(manifest)
        except BundleError as error:
            raise ExportError(f"the manifest of {instrument.config.name} came out wrong: {error}") from error
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        result.bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    result.seconds = watch.done()
    return result


def _write_graphs(
    folder: Path, graphs: InstrumentGraphs, settings: ExportSettings, result: ExportResult, watch: _Watch
) -> dict[str, CheckedGraph]:
    """Every graph and the weights that they share; one graph is in memory at a time."""
    (folder / "graphs").mkdir()
    with (folder / "graphs" / WEIGHTS).open("wb") as file:
        weights = SharedWeights(file, WEIGHTS)
        # The fused ones come last, when all their weights are in the file.
        for stem, spec, fused in _files(graphs, settings):
            watch(stem)
            model = to_onnx(spec)
            if settings.simplify:
                smaller = simplified(model)
                model = smaller.model
                if smaller.skipped:
                    result.notes.append(f"graph {stem} was not simplified: {smaller.skipped}")
            weights.externalise(model, known_only=fused)
            _save(model, folder / "graphs" / f"{stem}.onnx")
    watch("check")
    result.weights_bytes, result.weights_used_bytes = weights.stored_bytes, weights.used_bytes
    found = {stem: checked(folder / "graphs" / f"{stem}.onnx", spec, contrib=fused) for stem, spec, fused in _files(graphs, settings)}
    result.nodes = {name: graph.nodes for name, graph in found.items()}
    return {spec.name: found[spec.name] for spec in graphs.graphs}


def _files(graphs: InstrumentGraphs, settings: ExportSettings) -> list[tuple[str, GraphSpec, bool]]:
    """Stem of every graph file to be written, what is in it, and whether it is fused."""
    fused = graphs.fused if settings.fused else ()
    return [*((spec.name, spec, False) for spec in graphs.graphs), *((f"{spec.name}.fused", spec, True) for spec in fused)]


def _save(model: onnx.ModelProto, path: Path) -> None:
    path.write_bytes(model.SerializeToString(deterministic=True))


def _write_states(folder: Path, graphs: InstrumentGraphs) -> dict[str, str]:
    """First values of carried state; graph -> file."""
    files = {}
    for graph, state in graphs.states.items():
        files[graph] = f"states/{graph}.npz"
        (folder / "states").mkdir(exist_ok=True)
        np.savez(folder / files[graph], **{name: value.numpy() for name, value in state.items()})  # type: ignore[arg-type]
    return files


class _Watch:
    """Seconds by stage."""

    def __init__(self, on_stage: Stage | None) -> None:
        self.on_stage = on_stage
        self.marks: list[tuple[str, float]] = []

    def __call__(self, stage: str) -> None:
        self.marks.append((stage, time.perf_counter()))
        if self.on_stage is not None:
            self.on_stage(stage)

    def done(self) -> dict[str, float]:
        ends = [at for _, at in self.marks[1:]] + [time.perf_counter()]
        return {stage: round(end - start, 3) for (stage, start), end in zip(self.marks, ends, strict=True)}
