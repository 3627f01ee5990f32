"""The weight matrices of a network's graphs, named by what they do, so that one can be kept float32 by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from onnx import ModelProto, NodeProto

from lmdm_export.precision.islands import time_features
from lmdm_export.precision.network import Links

PORT = re.compile(r"(self|cross|raw)_[kv]_(\d+)(_out)?$")
PRODUCTS = ("MatMul", "Gemm")
GATES = ("Sigmoid", "Gelu")
SMALLEST = 16
"""Rows of a matrix below which there is nothing to gain."""


@dataclass(frozen=True)
class Matrix:
    """A product with a constant matrix. `name` is the same in every graph that uses the matrix; `node` and `weight` are of `graph`."""

    name: str
    graph: str
    node: str
    weight: str
    shape: tuple[int, int]


def matrices(model: ModelProto) -> list[Matrix]:
    """The matrices of a graph in the order in which they run.

    `layers.03.self.q`, `.kv` and `.out`, `layers.03.cross.q`, `.kv` and `.out`, `layers.03.ff.in` and `.out`, `project_in`,
    `project_additive`, `project_out`; others are called by their node, such as `text_encoder.MatMul_0007`.
    """
    walk, graph = _Walk(model), model.graph.name
    found = [Matrix(walk.name(node) or f"{graph}.{node.name}", graph, node.name, node.input[1], walk.shape(node)) for node in walk.products]
    twice = {name for name, count in Counter(matrix.name for matrix in found).items() if count > 1}
    return [replace(matrix, name=f"{matrix.name}.{matrix.node}") if matrix.name in twice else matrix for matrix in found]


class _Walk:
    """Follows values through everything but products, which is enough to see what a product is for."""

    def __init__(self, model: ModelProto) -> None:
        self.links = Links(model)
        self.shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
        skipped = time_features(model)
        every = [node for node in self.links.nodes if node.op_type in PRODUCTS]
        self.products = [
            node
            for node in every
            if node.op_type == "MatMul" and node.name not in skipped and len(self.shape(node)) == 2 and self.shape(node)[0] >= SMALLEST
        ]
        constant = {node.name for node in every if node.input[1] in self.shapes}
        self.attention = {node.name for node in every if node.name not in constant}
        self.outputs = {value.name for value in model.graph.output}
        self.inputs = {value.name for value in model.graph.input}
        self.places: dict[str, tuple[str, str]] = {}
        for node in every:
            if node.name in self.attention:
                self._place([node.name], self._values_before(node))
        # Where the keys and values of an attention are made inside the graph, they are outputs of it.
        for node in self.products:
            self._place([near.name for near in self._near(node, forward=True) if near.name in self.attention], self._values_after(node))
        self.latest = ""

    def shape(self, node: NodeProto) -> tuple[int, int]:
        return self.shapes.get(node.input[1], ())

    def name(self, node: NodeProto) -> str | None:
        ahead = [near for near in self._near(node, forward=True) if near.name in self.attention]
        behind = [near for near in self._near(node, forward=False) if near.name in self.attention]
        made = _ports(self._values_after(node))
        if made:
            return f"layers.{made[0][1]}.{made[0][0]}.kv"
        if ahead and ahead[0].name in self.places:
            part, layer = self.places[ahead[0].name]
            return f"layers.{layer}.{part}.{'q' if len(ahead) == 1 else 'kv'}"
        if behind and behind[0].name in self.places:
            part, self.latest = self.places[behind[0].name]
            return f"layers.{self.latest}.{part}.out"
        if self.latest and any(near.op_type in GATES for near in self._near(node, forward=True, stop=("LayerNormalization",))):
            return f"layers.{self.latest}.ff.in"
        if self.latest and any(near.op_type in GATES for near in self._near(node, forward=False, stop=("LayerNormalization",))):
            return f"layers.{self.latest}.ff.out"
        if "velocity" in self._values_after(node):
            return "project_out"
        before = self._values_before(node)
        if "x" in before:
            return "project_in"
        return "project_additive" if any(value == "context" or value.startswith("control_") for value in before) else None

    def _place(self, attention: Iterable[str], values: set[str]) -> None:
        ports = _ports(values)
        for name in attention:
            if ports:
                self.places.setdefault(name, ports[0])

    def _near(self, node: NodeProto, *, forward: bool, stop: tuple[str, ...] = ()) -> Iterator[NodeProto]:
        """Nodes reached without passing a product, those at the end included, in order of distance."""
        follow, seen = self.links.after if forward else self.links.before, {node.name}
        queue = list(follow(node))
        while queue:
            reached = queue.pop(0)
            if reached.name in seen:
                continue
            seen.add(reached.name)
            yield reached
            if reached.op_type not in (*PRODUCTS, *stop):
                queue.extend(follow(reached))

    def _values_after(self, node: NodeProto) -> set[str]:
        passed = [node, *(near for near in self._near(node, forward=True) if near.op_type not in PRODUCTS)]
        return self.outputs & {name for near in passed for name in near.output}

    def _values_before(self, node: NodeProto) -> set[str]:
        passed = [node, *(near for near in self._near(node, forward=False) if near.op_type not in PRODUCTS)]
        return self.inputs & {name for near in passed for name in near.input}


def _ports(values: set[str]) -> list[tuple[str, str]]:
    """`self` or `cross` and the layer, of every port among the values."""
    found = (PORT.match(value) for value in sorted(values))
    return [("cross" if match[1] == "cross" else "self", match[2]) for match in found if match]
