"""All solver steps of a block as one ONNX graph: the cached decoder repeated on the same weights, the solver's arithmetic between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from lmdm_runtime.errors import BundleError

SOLVERS = ("euler", "ping-pong")
STATE, LEVEL, OUTPUT = "x", "t", "velocity"


def unrolled(path: Path, schedule: Sequence[float], solver: str) -> onnx.ModelProto:
    """The cached decoder at `path` [1, C, o] over all levels of `schedule`, weights inside: its inputs less `t`, and
    `noise_1` ... `noise_K-1` for ping-pong -> `x0`.

    Noise levels are constants here, so ONNX Runtime folds their embeddings when it loads the graph.

    Raises:
        BundleError: the graph runs in batch 2 (guidance), or `solver` is neither euler nor ping-pong.
    """
    model = onnx.load(path)
    graph = model.graph
    ports = {value.name: value for value in graph.input}
    shape = [dimension.dim_value for dimension in ports[STATE].type.tensor_type.shape.dim]
    if shape[0] != 1 or solver not in SOLVERS:
        raise BundleError(
            f"{path} has batch {shape[0]} and solver {solver}; steps in one graph are written for batch 1 and {' or '.join(SOLVERS)}"
        )
    nodes, inputs = list(_steps(graph, schedule, solver)), [value for name, value in ports.items() if name != LEVEL]
    if solver == "ping-pong":
        inputs += [helper.make_tensor_value_info(f"noise_{step}", onnx.TensorProto.FLOAT, shape) for step in range(1, len(schedule) - 1)]
    weights = [*graph.initializer, *_levels(schedule)]
    output = helper.make_tensor_value_info("x0", onnx.TensorProto.FLOAT, shape)
    made = helper.make_graph(nodes, "steps", inputs, [output], weights)
    return helper.make_model(made, opset_imports=model.opset_import, ir_version=model.ir_version)


def _steps(graph: onnx.GraphProto, schedule: Sequence[float], solver: str) -> Iterator[onnx.NodeProto]:
    x, last = STATE, len(schedule) - 1
    for step in range(1, last + 1):
        yield from _copy(graph, {STATE: x, LEVEL: f"level_{step}"}, step)
        v, x0 = f"step_{step}/{OUTPUT}", "x0" if step == last else f"denoised_{step}"
        yield helper.make_node("Mul", [v, f"level_{step}"], [f"way_{step}"])
        yield helper.make_node("Sub", [x, f"way_{step}"], [x0])
        if step == last:
            return
        end = v
        if solver == "ping-pong":
            yield helper.make_node("Sub", [f"noise_{step}", x0], [f"renoise_{step}"])
            end = f"renoise_{step}"
        yield helper.make_node("Mul", [end, f"level_{step + 1}"], [f"back_{step}"])
        yield helper.make_node("Add", [x0, f"back_{step}"], [f"x_{step}"])
        x = f"x_{step}"


def _copy(graph: onnx.GraphProto, renamed: dict[str, str], step: int) -> Iterator[onnx.NodeProto]:
    """The nodes again, under names of their own; inputs and weights keep theirs."""
    own = {name for node in graph.node for name in node.output if name}
    for node in graph.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.name = f"step_{step}/{node.name}"
        copy.input[:] = [f"step_{step}/{name}" if name in own else renamed.get(name, name) for name in node.input]
        copy.output[:] = [f"step_{step}/{name}" if name else "" for name in node.output]
        yield copy


def _levels(schedule: Sequence[float]) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(np.array([t], np.float32), f"level_{step}") for step, (t, _) in enumerate(pairwise(schedule), start=1)]
