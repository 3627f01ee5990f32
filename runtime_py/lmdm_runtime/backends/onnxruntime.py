"""ONNX Runtime on the CPU. Every buffer is one OrtValue over host memory, bound from graph to graph."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from lmdm_runtime.backends.base import Backend, Binding, Buffer
from lmdm_runtime.backends.huge_pages import huge_pages
from lmdm_runtime.backends.ports import aligned_zeros, bound_buffers, first_line, require_same_ports
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.errors import BundleError, RuntimeFault
from lmdm_runtime.manifest import Port
from lmdm_runtime.thread_choice import chosen

NUMPY_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
}
# ONNX Runtime maps graphs/weights.bin into memory, so all graphs share its pages; but prepacking copies the matrices that a graph uses
# into a private layout. The copy pays where a graph runs once a block or more, and is only memory where it runs once a prompt.
RARELY_RUN = ("text_encoder", "conditioner", "codec_encoder")


@dataclass(frozen=True)
class OrtOptions:
    """How graphs run.

    Attributes:
        threads: for the operators of one graph; by default what `lmdm threads` chose for this machine, else the physical cores.
        small: prepack nothing (slower, less memory).
        fused: play a graph's file with contrib operators where the bundle has one.
        spinning: whether threads spin while they wait; by default what was chosen with the number of threads, else not.
        huge_pages: keep weights in huge pages where the system has them: faster, a little slower to load; never with `small`.
    """

    threads: int | None = None
    small: bool = False
    fused: bool = True
    spinning: bool | None = None
    huge_pages: bool = True


class OrtBuffer(Buffer):
    """Aligned host memory and the OrtValue that shares it."""

    def __init__(self, port: Port) -> None:
        self.port, self.array = port, aligned_zeros(port)
        self.value = ort.OrtValue.ortvalue_from_numpy(self.array)

    @property
    def address(self) -> int:
        return self.value.data_ptr()

    def write(self, values: NDArray) -> None:
        np.copyto(self.array, values, casting="same_kind")

    def read(self) -> NDArray:
        return self.array.copy()


class OrtBinding(Binding):
    """One IO binding of one session."""

    def __init__(self, graph: str, session: ort.InferenceSession, inputs: dict[str, OrtBuffer], outputs: dict[str, OrtBuffer]) -> None:
        self.graph, self._session = graph, session
        # Held here too: the binding keeps pointers, not memory.
        self.inputs, self.outputs = inputs, outputs
        self._binding = session.io_binding()
        for name, buffer in inputs.items():
            self._binding.bind_ortvalue_input(name, buffer.value)
        for name, buffer in outputs.items():
            self._binding.bind_ortvalue_output(name, buffer.value)

    def run(self) -> None:
        try:
            self._session.run_with_iobinding(self._binding)
        except Exception as error:
            raise RuntimeFault(
                f"graph {self.graph} failed in ONNX Runtime: {first_line(error)}; run lmdm validate on the bundle"
            ) from error


class OrtBackend(Backend):
    """ONNX Runtime's CPU provider for the graphs of a bundle; a graph is loaded when it is first bound."""

    name = "onnxruntime"

    def __init__(self, bundle: Bundle, options: OrtOptions | None = None) -> None:
        self.bundle, self.options = bundle, options or OrtOptions()
        # A number of threads that somebody names was not measured with the spinning of the file.
        self._chosen = chosen(bundle.folder) if self.options.threads is None else None
        self._sessions: dict[str, ort.InferenceSession] = {}

    @classmethod
    def open(cls, bundle: Bundle, threads: int | None) -> OrtBackend:
        """See `lmdm_runtime.backends.make_backend`."""
        return cls(bundle, OrtOptions(threads=threads))

    def buffer(self, port: Port) -> OrtBuffer:
        return OrtBuffer(port)

    def bind(self, graph: str, buffers: Mapping[str, Buffer]) -> OrtBinding:
        entry, session = self.bundle.manifest.graphs[graph], self._session(graph)
        return OrtBinding(
            graph,
            session,
            bound_buffers(entry, entry.inputs, buffers, OrtBuffer),
            bound_buffers(entry, entry.outputs, buffers, OrtBuffer),
        )

    def _session(self, graph: str) -> ort.InferenceSession:
        if graph not in self._sessions:
            self._sessions[graph] = self._load(graph)
        return self._sessions[graph]

    def _load(self, graph: str) -> ort.InferenceSession:
        entry = self.bundle.manifest.graphs[graph].files[-1 if self.options.fused else 0]
        path = self.bundle.path(entry.file)
        try:
            with huge_pages(self.options.huge_pages and self._prepacks(graph)):
                # Its fallback tries the same provider once more, and prints to stdout.
                session = ort.InferenceSession(
                    str(path), self._session_options(graph), providers=["CPUExecutionProvider"], enable_fallback=False
                )
        except Exception as error:
            raise BundleError(
                f"{path} does not load in ONNX Runtime {ort.__version__}: {first_line(error)}; run: pip install -U lmdm"
            ) from error
        require_same_ports(entry, "input", entry.inputs, _ports(session.get_inputs()))
        require_same_ports(entry, "output", entry.outputs, _ports(session.get_outputs()))
        return session

    def _prepacks(self, graph: str) -> bool:
        return not self.options.small and graph not in RARELY_RUN

    def _session_options(self, graph: str) -> ort.SessionOptions:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.options.threads or (self._chosen.threads if self._chosen else physical_cores())
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 3
        # Waiting threads that spin take whole cores from the audio thread between two blocks.
        spinning = self.options.spinning if self.options.spinning is not None else self._chosen is not None and self._chosen.spinning
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        if not self._prepacks(graph):
            options.add_session_config_entry("session.disable_prepacking", "1")
        return options


def physical_cores() -> int:
    """Cores of this process without counting hardware threads twice; at least 1."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = set()
    for cpu in usable:
        try:
            with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", encoding="ascii") as file:
                cores.add(file.read())
        except OSError:
            cores.add(str(cpu))
    return max(1, len(cores))


def _ports(nodes: list[ort.NodeArg]) -> dict[str, tuple[list[int], str]]:
    return {node.name: (list(node.shape), NUMPY_TYPES.get(node.type, node.type)) for node in nodes}
