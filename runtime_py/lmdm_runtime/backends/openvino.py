"""OpenVINO on the CPU. Every buffer is host memory with one tensor over it, set at the graphs that write and read it.

Never import this in a process that must not die with a foreign library: the tests run it in processes of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from lmdm_runtime.backends.base import Backend, Binding, Buffer
from lmdm_runtime.backends.huge_pages import huge_pages
from lmdm_runtime.backends.onnxruntime import physical_cores
from lmdm_runtime.backends.ports import aligned_zeros, bound_buffers, first_line, require_same_ports
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.distribution import install_command
from lmdm_runtime.errors import BundleError, LmdmError, RuntimeFault
from lmdm_runtime.manifest import Port

DEVICE = "CPU"
BUSY = "Infer Request is busy"
# What is played (codec) or picks the strongest of near-equals (sketch) stays exact, and what runs once a prompt would win nothing.
ROUNDED = ("context_encoder", "cached_decoder")


@dataclass(frozen=True)
class OpenVinoOptions:
    """`threads`: for the operators of one graph, by default the physical cores. `bfloat16`: compute the graphs `ROUNDED` in it."""

    threads: int | None = None
    bfloat16: bool = False


class OpenVinoBuffer(Buffer):
    """Aligned host memory and the tensor that shares it."""

    def __init__(self, port: Port) -> None:
        self.port, self.array = port, aligned_zeros(port)
        self.tensor = ov.Tensor(self.array, shared_memory=True)

    @property
    def address(self) -> int:
        return self.array.ctypes.data

    def write(self, values: NDArray) -> None:
        np.copyto(self.array, values, casting="same_kind")

    def read(self) -> NDArray:
        return self.array.copy()


class OpenVinoBinding(Binding):
    """One inference request of one compiled graph, with a tensor at every port."""

    def __init__(
        self, graph: str, compiled: ov.CompiledModel, inputs: dict[str, OpenVinoBuffer], outputs: dict[str, OpenVinoBuffer]
    ) -> None:
        self.graph, self.inputs, self.outputs = graph, inputs, outputs
        self._request = compiled.create_infer_request()
        for name, buffer in (*inputs.items(), *outputs.items()):
            self._request.set_tensor(name, buffer.tensor)

    def run(self) -> None:
        try:
            # Shared: the answer is where the tensors are, not in copies of them.
            self._request.infer(share_outputs=True)
        except RuntimeError as error:
            if BUSY in str(error):
                raise RuntimeFault(f"graph {self.graph} is running in another thread; use a session from one thread at a time") from error
            raise RuntimeFault(f"graph {self.graph} failed in OpenVINO: {first_line(error)}; run lmdm validate on the bundle") from error


class OpenVinoBackend(Backend):
    """OpenVINO's CPU plugin for the graphs of a bundle; a graph is compiled when it is first bound.

    Raises:
        LmdmError: bfloat16 on a processor that cannot compute in it.
    """

    name = "openvino"

    def __init__(self, bundle: Bundle, options: OpenVinoOptions | None = None) -> None:
        self.bundle, self.options = bundle, options or OpenVinoOptions()
        self._core = ov.Core()
        self._compiled: dict[str, ov.CompiledModel] = {}
        if self.options.bfloat16 and "BF16" not in self._core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES"):
            raise LmdmError(
                "this processor does not compute in bfloat16 (it needs avx512_bf16, amx_bf16 or bf16 of lmdm doctor); use --engine openvino"
            )

    @classmethod
    def open(cls, bundle: Bundle, threads: int | None) -> OpenVinoBackend:
        """See `lmdm_runtime.backends.make_backend`."""
        return cls(bundle, OpenVinoOptions(threads=threads))

    def buffer(self, port: Port) -> OpenVinoBuffer:
        return OpenVinoBuffer(port)

    def bind(self, graph: str, buffers: Mapping[str, Buffer]) -> OpenVinoBinding:
        entry = self.bundle.manifest.graphs[graph]
        if graph not in self._compiled:
            self._compiled[graph] = self._compile(graph)
        return OpenVinoBinding(
            graph,
            self._compiled[graph],
            bound_buffers(entry, entry.inputs, buffers, OpenVinoBuffer),
            bound_buffers(entry, entry.outputs, buffers, OpenVinoBuffer),
        )

    def _compile(self, graph: str) -> ov.CompiledModel:
        entry, path = self.bundle.manifest.graphs[graph], self.bundle.graph_path(graph)
        try:
            with huge_pages():
                compiled = self._core.compile_model(self._core.read_model(path), DEVICE, self._settings(graph))
        except RuntimeError as error:
            raise BundleError(
                f"{path} does not compile in OpenVINO {ov.__version__}: {_cause(error)}; use --engine onnxruntime, "
                f"or run: {install_command('openvino')} -U"
            ) from error
        require_same_ports(entry, "input", entry.inputs, _ports(entry.inputs, compiled.inputs))
        require_same_ports(entry, "output", entry.outputs, _ports(entry.outputs, compiled.outputs))
        return compiled

    def _settings(self, graph: str) -> dict[str, Any]:
        rounded = self.options.bfloat16 and graph in ROUNDED
        return {
            # By default OpenVINO computes a float32 graph in bfloat16 wherever the processor can.
            "INFERENCE_PRECISION_HINT": "bf16" if rounded else "f32",
            "EXECUTION_MODE_HINT": "PERFORMANCE" if rounded else "ACCURACY",
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
            "CPU_DENORMALS_OPTIMIZATION": True,
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": self.options.threads or physical_cores(),
            # A pinned thread waits for its core while the audio thread has it.
            "ENABLE_CPU_PINNING": False,
        }


class Bfloat16Backend(OpenVinoBackend):
    """The network in bfloat16, everything else in float32; ports stay float32."""

    name, precision, rounded = "openvino-bf16", "bfloat16", ROUNDED

    @classmethod
    def open(cls, bundle: Bundle, threads: int | None) -> Bfloat16Backend:
        return cls(bundle, OpenVinoOptions(threads=threads, bfloat16=True))


def _ports(stated: tuple[Port, ...], found: Sequence[ov.ConstOutput]) -> dict[str, tuple[list[int], str]]:
    """A port of OpenVINO has several names where a tensor does; that of the manifest is preferred."""
    names = {port.name for port in stated}
    ports = {}
    for node in found:
        name = next(iter(sorted(node.get_names() & names)), node.get_any_name())
        shape = node.get_partial_shape()
        ports[name] = ([d.get_length() if d.is_static else -1 for d in shape], node.get_element_type().to_dtype().name)
    return ports


def _cause(error: RuntimeError) -> str:
    """The last sentence of OpenVINO's trace; the first ones name its own source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
