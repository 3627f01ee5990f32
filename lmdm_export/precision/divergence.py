"""Where a variant's values leave those of float32: every value of a graph, in order, on the same inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from lmdm_export.precision.emulation import emulated
from lmdm_export.precision.half import types_of
from lmdm_export.precision.matrices import matrices
from lmdm_export.precision.quantise import Feed

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)


@dataclass(frozen=True)
class Departure:
    """How far one value is off: rms of the error over the value's own rms, infinite where it is not finite.

    `before` is the same of the value that its operator reads, the worst of several. `where` names the matrix, or the operator and the
    last matrix before it.
    """

    graph: str
    where: str
    error: float
    before: float

    @property
    def matrix(self) -> bool:
        return not self.where.startswith("after ")


def departures(float32: ModelProto, variant: ModelProto, feed: Feed) -> list[Departure]:
    """Every value that both forms of a graph have, in the order in which float32 makes them. Values that merely move are left out."""
    if any(tensor.data_type == TensorProto.BFLOAT16 for tensor in variant.graph.initializer):
        variant = emulated(variant)
    names = [name for name in _made(float32) if name in set(_made(variant))]
    wanted, found = _values(float32, names, feed), _values(variant, names, feed)
    errors = {name: _relative(wanted[name], found[name]) for name in names}
    named = {matrix.node: matrix.name for matrix in matrices(float32)}
    rows, last = [], "its inputs"
    for node in float32.graph.node:
        last = named.get(node.name, last)
        for name in node.output:
            if name in errors:
                where = named.get(node.name, f"after {last}: {node.op_type}")
                rows.append(Departure(float32.graph.name, where, errors[name], max((errors.get(n, 0.0) for n in node.input), default=0.0)))
    return rows


def first_break(rows: Sequence[Departure], bound: float) -> Departure | None:
    """The first value that is further off than the bound."""
    return next((row for row in rows if not row.error <= bound), None)


def largest_step(rows: Sequence[Departure]) -> Departure:
    """The operator that adds most to the error of what it reads."""
    return max(rows, key=lambda row: row.error - row.before)


def _made(model: ModelProto) -> list[str]:
    """Values of floating point that nodes make. Behind MatMulNBits types are unknown, and float32."""
    types = types_of(model)
    return [name for node in model.graph.node for name in node.output if types.get(name, TensorProto.FLOAT) in FLOATS]


def _values(model: ModelProto, names: Sequence[str], feed: Feed) -> dict[str, NDArray]:
    types = types_of(model)
    opened = ModelProto()
    opened.CopyFrom(model)
    del opened.graph.output[:]
    opened.graph.output.extend(helper.make_tensor_value_info(name, types.get(name, TensorProto.FLOAT), None) for name in names)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # Node by node, so that every value is what its own operator made.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(opened.SerializeToString(), options, providers=["CPUExecutionProvider"])
    wanted = {port.name for port in session.get_inputs()}
    values = session.run(list(names), {name: value for name, value in feed.items() if name in wanted})
    return dict(zip(names, values, strict=True))


def _relative(expected: NDArray, made: NDArray) -> float:
    wanted, found = expected.astype(np.float64), made.astype(np.float64)
    if not np.isfinite(found).all():
        return float("inf")
    size, error = float(np.sqrt(np.mean(wanted**2))), float(np.sqrt(np.mean((found - wanted) ** 2)))
    return 0.0 if error == 0.0 else error / size if size > 0.0 else float("inf")
