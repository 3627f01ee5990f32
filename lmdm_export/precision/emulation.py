"""A bfloat16 graph for a runtime that has no bfloat16 kernels: every value is rounded to bfloat16, and each operator computes in float32.

ONNX Runtime's CPU provider casts to and from bfloat16 and computes in nothing of it. What a GPU does differs in the last bits only: it too
adds in float32 and rounds what an operator leaves, but it may fuse two operators and round once.
"""

from __future__ import annotations

from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from lmdm_export.precision.half import types_of

MOVES = ("Reshape", "Transpose", "Concat", "Split", "Slice", "Unsqueeze", "Squeeze", "Expand", "Gather", "Pad", "Identity", "Neg")
"""Operators that give no value that they were not given, but for its sign."""


def emulated(model: ModelProto) -> ModelProto:
    """The graph in float32 with the rounding of bfloat16 after every operator that computes in it."""
    types = types_of(model)
    made = ModelProto()
    made.CopyFrom(model)
    nodes = []
    for node in list(made.graph.node):
        if node.op_type == "Cast" and types[node.output[0]] != TensorProto.BFLOAT16:
            nodes.append(node)
            continue
        rounded = [name for name in node.output if types.get(name) == TensorProto.BFLOAT16 and node.op_type not in MOVES]
        if node.op_type == "Cast":
            nodes += _rounding(node.input[0], node.output[0])
            continue
        for name in rounded:
            node.output[list(node.output).index(name)] = f"{name}_exact"
        nodes.append(node)
        for name in rounded:
            nodes += _rounding(f"{name}_exact", name)
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    for tensor in made.graph.initializer:
        if tensor.data_type == TensorProto.BFLOAT16:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype("float32"), tensor.name))
    return made


def _rounding(value: str, rounded: str) -> list[NodeProto]:
    half = f"{rounded}_bfloat16"
    return [
        helper.make_node("Cast", [value], [half], to=TensorProto.BFLOAT16, name=half),
        helper.make_node("Cast", [half], [rounded], to=TensorProto.FLOAT, name=f"{rounded}_rounded"),
    ]
