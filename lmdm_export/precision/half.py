"""A float32 graph in 16 bits, with parts that stay float32; its inputs and outputs stay float32 too.

Own code, since converters of ONNX Runtime know float16 only, choose what stays by operator, and have no bfloat16.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from lmdm_export.errors import ExportError

KEEPS_TYPE = ("Cast", "ConstantOfShape", "Range", "RandomNormal")
"""Operators whose output type is an attribute; they are left as they are."""
LARGEST = float(np.finfo(np.float16).max)


def in_half(model: ModelProto, kind: int, kept: set[str]) -> ModelProto:
    """The same computation with weights and values of type `kind` (of `TensorProto`), but for the nodes named in `kept`.

    Raises:
        ExportError: a weight is beyond the type's range.
    """
    types = types_of(model)
    unknown = [name for node in model.graph.node for name in node.output if name and name not in types]
    if unknown:
        raise ExportError(
            f"graph {model.graph.name} has a value {unknown[0]} of unknown type; export the checkpoint again with lmdm export"
        )
    made = _Conversion(model, kind, types)
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    for node in model.graph.node:
        floats = [name for name in (*node.input, *node.output) if types.get(name) == TensorProto.FLOAT]
        stays = not floats or node.op_type in KEEPS_TYPE or node.name in kept or not _exists(node, kind, opset)
        made.add(node, TensorProto.FLOAT if stays else kind)
    converted = ModelProto()
    converted.CopyFrom(model)
    del converted.graph.node[:], converted.graph.initializer[:]
    converted.graph.node.extend(made.nodes)
    outputs = {value.name for value in model.graph.output}
    used = {name for node in made.nodes for name in node.input} | outputs
    converted.graph.initializer.extend(tensor for name, tensor in made.weights.items() if name in used)
    converted.graph.ClearField("value_info")
    return converted


class _Conversion:
    """Nodes as they are rewritten; a value that is read in both types is cast once."""

    def __init__(self, model: ModelProto, kind: int, types: dict[str, int]) -> None:
        self.kind, self.types = kind, types
        self.nodes: list[NodeProto] = []
        self.weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self.outputs = {value.name for value in model.graph.output}
        self.at: dict[str, int] = dict.fromkeys((name for name, found in types.items() if found == TensorProto.FLOAT), TensorProto.FLOAT)
        self.casts: dict[tuple[str, int], str] = {}

    def add(self, node: NodeProto, kind: int) -> None:
        """A node that computes in `kind`, between casts where it reads or must leave another type."""
        made = NodeProto()
        made.CopyFrom(node)
        made.input[:] = [self._read(name, kind) if name in self.at else name for name in node.input]
        self.nodes.append(made)
        for place, name in enumerate(node.output):
            if name not in self.at or kind == TensorProto.FLOAT:
                continue
            if name in self.outputs:
                made.output[place] = f"{name}_half"
                self.nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT, name=f"{name}_float32"))
                self.casts[name, kind] = f"{name}_half"
            else:
                self.at[name] = kind

    def _read(self, name: str, kind: int) -> str:
        if self.at[name] == kind:
            return name
        if (name, kind) not in self.casts:
            cast = f"{name}_as_{TensorProto.DataType.Name(kind).lower()}"
            if name in self.weights:
                self.weights[cast] = _narrowed(self.weights[name], cast, kind)
            else:
                self.nodes.append(helper.make_node("Cast", [name], [cast], to=kind, name=cast))
            self.casts[name, kind] = cast
        return self.casts[name, kind]


def _exists(node: NodeProto, kind: int, opset: int) -> bool:
    """Whether ONNX defines the operator for the type; bfloat16 came to some late."""
    schema = onnx.defs.get_schema(node.op_type, opset, node.domain)
    name = f"tensor({TensorProto.DataType.Name(kind).lower()})"
    return any(name in parameter.types for parameter in schema.inputs)


def _narrowed(tensor: TensorProto, name: str, kind: int) -> TensorProto:
    values = numpy_helper.to_array(tensor)
    if kind == TensorProto.FLOAT16:
        if values.size and np.abs(values[np.isfinite(values)]).max(initial=0.0) > LARGEST:
            raise ExportError(f"weight {tensor.name} has values beyond float16; use bfloat16, which has float32's range")
        return numpy_helper.from_array(values.astype(np.float16), name)
    import ml_dtypes

    return numpy_helper.from_array(values.astype(ml_dtypes.bfloat16), name)


def types_of(model: ModelProto) -> dict[str, int]:
    """Element type of every value that ONNX's own inference knows: none behind an operator of another domain."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=False, data_prop=False)
    values = [*inferred.graph.input, *inferred.graph.output, *inferred.graph.value_info]
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    types |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    return types
