"""Checks of a written graph: valid ONNX, fully static, nothing dead in it, and named as its specification says.

ONNX does not know contrib operators: it passes them, and infers no shape behind them. So a fused graph is checked for the two operators
that `graphs/fused.py` writes, and its shapes and values by running it in ONNX Runtime (`require_parity`), which knows them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto

from lmdm_export.errors import ExportError
from lmdm_export.graphs.spec import GraphSpec

DTYPES: dict[int, str] = {
    TensorProto.FLOAT: "float32",
    TensorProto.FLOAT16: "float16",
    TensorProto.INT64: "int64",
    TensorProto.INT32: "int32",
}
CONTRIB = "com.microsoft"
CONTRIB_OPERATORS = frozenset({"MultiHeadAttention", "RotaryEmbedding"})


@dataclass(frozen=True)
class Port:
    """A named input or output as the manifest writes it."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class CheckedGraph:
    """What a written graph holds."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: dict[str, int]

    @property
    def nodes(self) -> int:
        return sum(self.operators.values())


def checked(path: Path, spec: GraphSpec, *, contrib: bool = False) -> CheckedGraph:
    """Check a graph file in place, with its weights beside it. `contrib`: it may and must have contrib operators.

    Raises:
        ExportError: ONNX's checker or shape inference refuses it, an operator is not of ONNX, an axis is dynamic, a node feeds nothing, or
            a name or shape is not that of `spec`.
    """
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"graph {spec.name} is not valid ONNX: {str(error).strip().splitlines()[0]}") from error
    model = onnx.load(path, load_external_data=False)
    found = CheckedGraph(_ports(model.graph.input), _ports(model.graph.output), dict(Counter(node.op_type for node in model.graph.node)))
    _require_operators(model, spec.name, CONTRIB_OPERATORS if contrib else frozenset())
    _require_names(found, spec)
    _require_nothing_dead(model, spec.name)
    return found


def _ports(values: list[onnx.ValueInfoProto]) -> tuple[Port, ...]:
    ports = []
    for value in values:
        tensor = value.type.tensor_type
        if any(not axis.HasField("dim_value") for axis in tensor.shape.dim):
            raise ExportError(f"{value.name} has a dynamic axis; every shape of a bundle is fixed")
        ports.append(Port(value.name, tuple(axis.dim_value for axis in tensor.shape.dim), DTYPES[tensor.elem_type]))
    return tuple(ports)


def _require_operators(model: onnx.ModelProto, name: str, contrib: frozenset[str]) -> None:
    """Of ONNX, besides exactly those of ONNX Runtime that are named."""
    foreign = {(node.domain, node.op_type) for node in model.graph.node if node.domain not in ("", "ai.onnx")}
    if foreign != {(CONTRIB, operator) for operator in contrib} or model.functions:
        found = ", ".join(sorted(f"{domain}::{operator}" for domain, operator in foreign)) or "none"
        raise ExportError(f"graph {name} has these operators beyond ONNX: {found}; expected {', '.join(sorted(contrib)) or 'none'}")


def _require_names(found: CheckedGraph, spec: GraphSpec) -> None:
    expected = [(name, tuple(tensor.shape)) for name, tensor in spec.inputs.items()]
    for what, have, want in (
        ("inputs", [(port.name, port.shape) for port in found.inputs], expected),
        ("outputs", [port.name for port in found.outputs], list(spec.outputs)),
    ):
        if have != want:
            odd = next((pair for pair in zip(have, want, strict=False) if pair[0] != pair[1]), (len(have), len(want)))
            raise ExportError(f"the {what} of graph {spec.name} came out as {odd[0]}, expected {odd[1]}")


def _require_nothing_dead(model: onnx.ModelProto, name: str) -> None:
    """What `polygraphy surgeon sanitize --cleanup` would remove must be nothing."""
    from polygraphy.backend.onnx import gs_from_onnx

    graph = gs_from_onnx(model)
    before = len(graph.nodes)
    graph.cleanup()
    if len(graph.nodes) != before:
        raise ExportError(f"graph {name} has {before - len(graph.nodes)} nodes that no output needs; export without --no-simplify")
