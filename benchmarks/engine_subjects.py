"""What is timed on a GPU: the graphs of a bundle as torch runs them, and as engines run them, each held against ONNX Runtime first."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.timing import Subject
from lmdm_export.graphs import build_graphs
from lmdm_export.graphs.spec import GraphSpec
from lmdm_export.validate.metrics import compare
from lmdm_export.validate.player import run_graph
from lmdm_runtime.backends.base import Backend, Buffer
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.linear_steps import linear_steps
from lmdm_train.model.instrument import Instrument

Arrays = Mapping[str, NDArray]
GRAPH_OF = {"context": "context_encoder", "step": "cached_decoder", "decode": "codec_decoder"}
# Of the range of an output. Float32 sums in other orders were seen to differ by 2e-6 of it; bfloat16 has 8 bits, and its steps by 1.3e-2.
BOUNDS = {torch.float32: 1e-4, torch.bfloat16: 5e-2}


@dataclass(frozen=True)
class TorchForm:
    """One way in which torch runs a graph."""

    name: str
    dtype: torch.dtype
    compiled: bool


FORMS = tuple(
    TorchForm(f"torch {kind} {short}", dtype, kind == "compiled")
    for short, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
    for kind in ("eager", "compiled")
)


def example_inputs(bundle: Bundle, graph: str) -> Arrays:
    """Random inputs of a graph's shapes, the same every time; a carried clock or count stays at its first value."""
    draw = np.random.default_rng(0)
    values = {}
    for port in bundle.manifest.graphs[graph].inputs:
        if port.name == "past_frames":
            values[port.name] = np.array([bundle.manifest.model.context], dtype=port.dtype)
        elif port.dtype == "float32" and port.name != "state_clock":
            values[port.name] = draw.standard_normal(port.shape, dtype=np.float32)
        else:
            values[port.name] = np.zeros(port.shape, dtype=port.dtype)
    return values


class TorchGraphs:
    """The modules behind an instrument's graphs, on one device in one form. The codec stays in float32, as in a bundle."""

    def __init__(self, instrument: Instrument, bundle: Bundle, form: TorchForm, device: str) -> None:
        fade = bundle.manifest.codec.decoder.fade if bundle.manifest.codec.decoder.kind == "context" else None
        self._graphs = build_graphs(instrument, fade or None)
        self._bundle, self._form, self._device = bundle, form, device
        self._modules: dict[str, tuple[GraphSpec, nn.Module]] = {}

    def call(self, graph: str) -> Callable[[], tuple[Tensor, ...]]:
        """One run on `example_inputs`, which lie on the device already."""
        spec, module = self._module(graph)
        values = example_inputs(self._bundle, graph)
        inputs = [self._to_device(values[name], graph) for name in spec.inputs]

        @torch.no_grad()
        def run() -> tuple[Tensor, ...]:
            made = module(*inputs)
            return made if isinstance(made, tuple) else (made,)

        return run

    def outputs(self, graph: str) -> dict[str, NDArray]:
        """What one run gives, by name, in float32."""
        made = self.call(graph)()
        return {name: value.float().cpu().numpy() for name, value in zip(self._module(graph)[0].outputs, made, strict=True)}

    def block(self, steps: int) -> Subject:
        """Context pass, then `steps` evaluations with the update of a linear solver, all on the device."""
        context, step, sampling = self.call("context_encoder"), self.call("cached_decoder"), self._bundle.manifest.sampling
        levels = [1 - k / steps for k in range(steps + 1)]
        coefficients = linear_steps("euler", sampling.guidance, sampling.guidance_scale, levels)
        x = self._to_device(example_inputs(self._bundle, "cached_decoder")["x"], "cached_decoder")

        @torch.no_grad()
        def run() -> Tensor:
            context()
            found = x
            for row in coefficients:
                v = step()[0]
                found = found * row.x + v[:1] * row.cond + (v[1:] * row.null if len(v) == 2 else 0)
            return found

        return run

    def _module(self, graph: str) -> tuple[GraphSpec, nn.Module]:
        if graph not in self._modules:
            spec = self._graphs[graph]
            module = copy.deepcopy(spec.module).to(self._device, self._dtype(graph))
            self._modules[graph] = spec, torch.compile(module, mode="max-autotune") if self._form.compiled else module  # type: ignore[assignment]
        return self._modules[graph]

    def _dtype(self, graph: str) -> torch.dtype:
        return torch.float32 if graph.startswith("codec") else self._form.dtype

    def _to_device(self, values: NDArray, graph: str) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(values)).to(self._device)
        return tensor.to(self._dtype(graph)) if tensor.is_floating_point() else tensor


def engine_call(bundle: Bundle, backend: Backend, graph: str) -> Subject:
    """One run of a graph in a backend, in buffers that stay bound."""
    entry = bundle.manifest.graphs[graph]
    buffers: dict[str, Buffer] = {port.name: backend.buffer(port) for port in (*entry.inputs, *entry.outputs)}
    for name, values in example_inputs(bundle, graph).items():
        buffers[name].write(values)
    return backend.bind(graph, buffers).run


def engine_outputs(bundle: Bundle, backend: Backend, graph: str) -> dict[str, NDArray]:
    return run_graph(bundle, backend, graph, dict(example_inputs(bundle, graph)))


def parity(reference: Arrays, found: Arrays, dtype: torch.dtype) -> dict[str, float | bool]:
    """The worst output: its largest error over its range, and whether that keeps the bound of the type."""
    worst = max(compare(expected, found[name]).max_rel for name, expected in reference.items())
    return {"error_of_range": worst, "bound": BOUNDS[dtype], "kept": worst <= BOUNDS[dtype]}
