"""The least work of a graph as it is written: its products counted node by node, and its weights and ports read or written once."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import onnx

from benchmarks.floor import Work

Shapes = Mapping[str, tuple[int, ...]]


def graph_work(path: Path) -> Work:
    """Of the products of matrices and the convolutions in a graph of fixed shapes, whose weights may lie outside of it.

    Everything else counts nothing: a floor may be too low, never too high.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load(path, load_external_data=False))
    graph = model.graph
    shapes = {value.name: _shape(value) for value in (*graph.input, *graph.output, *graph.value_info)}
    weights = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    multiplied = sum(_multiplications(node, {**shapes, **weights}) for node in graph.node)
    used = {name for node in graph.node for name in node.input}
    read = sum(_bytes(tensor.data_type, tuple(tensor.dims)) for tensor in graph.initializer if tensor.name in used)
    ports = sum(_bytes(value.type.tensor_type.elem_type, shapes[value.name]) for value in (*graph.input, *graph.output))
    return Work(2.0 * multiplied, float(read + ports))


def _multiplications(node: Any, shapes: Shapes) -> int:
    """Multiplications with an addition each."""
    if node.op_type == "MatMul":
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    if node.op_type == "Gemm":
        turned = any(item.name == "transA" and item.i for item in node.attribute)
        return prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if turned else -1]
    if node.op_type == "Conv":
        return prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
    if node.op_type == "ConvTranspose":
        return prod(shapes[node.input[0]]) * prod(shapes[node.input[1]][1:])
    return 0


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)


def _bytes(kind: int, shape: tuple[int, ...]) -> int:
    return prod(shape) * onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize
