"""ONNX Runtime as a recording backend: the same plan of launches as on a GPU, executed on the CPU."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lmdm_export.engines.solver_step import write_solver_step
from lmdm_runtime.backends.base import Binding, Buffer
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtBinding, OrtBuffer
from lmdm_runtime.backends.recording import InTurn, RecordingBackend
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.engines.solver_step import SOLVER_STEP, solver_step_entry
from lmdm_runtime.manifest import Port


class HostCopy(Binding):
    def __init__(self, source: OrtBuffer, target: OrtBuffer) -> None:
        self.graph, self._source, self._target = "copy", source, target

    def run(self) -> None:
        self._target.write(self._source.array)


class RecordingOrt(RecordingBackend):
    """`recorded` keeps the names of the graphs of every recording, in order."""

    name = "onnxruntime, recorded"

    def __init__(self, bundle: Bundle, folder: Path) -> None:
        shutil.copytree(bundle.folder, folder, dirs_exist_ok=True)
        write_solver_step(bundle.manifest, folder / "solver_step.onnx")
        entry = solver_step_entry(bundle.manifest)
        manifest = replace(bundle.manifest, graphs={**bundle.manifest.graphs, SOLVER_STEP: entry})
        self._ort = OrtBackend(Bundle(folder, manifest))
        self.recorded: list[list[str]] = []

    def buffer(self, port: Port) -> OrtBuffer:
        return self._ort.buffer(port)

    def bind(self, graph: str, buffers: Mapping[str, Buffer]) -> OrtBinding:
        return self._ort.bind(graph, buffers)

    def copy(self, source: Buffer, target: Buffer) -> HostCopy:
        assert isinstance(source, OrtBuffer)
        assert isinstance(target, OrtBuffer)
        return HostCopy(source, target)

    def record(self, launches: Sequence[Binding]) -> Binding:
        self.recorded.append([launch.graph for launch in launches])  # type: ignore[attr-defined]
        recording = InTurn(launches)
        recording.run()  # as a GPU warms up: what is written afterwards must be all that counts
        return recording
