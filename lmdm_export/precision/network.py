"""The graphs of a bundle's network as ONNX models in memory."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from onnx import ModelProto, NodeProto, TensorProto

from lmdm_runtime.bundle import Bundle
from lmdm_runtime.manifest import Manifest

NETWORK = ("text_encoder", "conditioner", "context_encoder", "cached_decoder")
"""What a variant converts. The codec and the sketch stay float32: they decide the sound of every sample, and run once a block."""


def network_graphs(bundle: Bundle) -> tuple[str, ...]:
    """Those of the network's graphs that the bundle has, in the order in which they run."""
    return tuple(graph for graph in NETWORK if graph in bundle.manifest.graphs)


def load_graph(bundle: Bundle, graph: str) -> ModelProto:
    """A graph with its weights inside. The plain file, never a form that is fused for one runtime: every engine reads variants."""
    return onnx.load(bundle.graph_path(graph))


def without_leftovers(model: ModelProto) -> ModelProto:
    """Without weights that nothing reads any more."""
    used = {name for node in model.graph.node for name in node.input} | {value.name for value in model.graph.output}
    kept: list[TensorProto] = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return model


def steps_of(manifest: Manifest) -> int:
    """Runs of the cached decoder for one block."""
    sampling = manifest.sampling
    evaluations = {"heun": 2, "rk4": 4}.get(sampling.solver, 1)
    return evaluations * (len(sampling.schedule) - 1)


class Links:
    """Who makes and who reads each value of a graph."""

    def __init__(self, model: ModelProto) -> None:
        self.nodes = list(model.graph.node)
        self.makers = {name: node for node in self.nodes for name in node.output}
        self.readers: dict[str, list[NodeProto]] = {}
        for node in self.nodes:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)

    def after(self, node: NodeProto) -> Iterator[NodeProto]:
        """The nodes that read what a node makes."""
        for name in node.output:
            yield from self.readers.get(name, [])

    def before(self, node: NodeProto) -> Iterator[NodeProto]:
        """The nodes that make what a node reads."""
        for name in node.input:
            if name in self.makers:
                yield self.makers[name]
