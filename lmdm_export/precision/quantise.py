"""Quantisation of a graph's matrices by ONNX Runtime's own tools; everything else stays float32."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import onnx
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from lmdm_export.precision.matrices import PRODUCTS
from lmdm_export.precision.network import Links, without_leftovers

Feed = Mapping[str, NDArray]

BLOCK = 32
"""Weights of a column that share one scale."""
INTEGER_ARITHMETIC = 4
"""`accuracy_level` of MatMulNBits: activations are quantised to int8 block by block, so that the product runs in integers."""


def dynamic(model: ModelProto, nodes: Sequence[str]) -> ModelProto:
    """Weights int8 with a scale for each column, activations uint8 with a scale that each run measures."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    def write(path: Path) -> None:
        quantize_dynamic(
            model,
            path,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=list(nodes),
            nodes_to_exclude=_others(model, nodes),
        )

    return _made(write, model) if nodes else model


def static(model: ModelProto, nodes: Sequence[str], feeds: Sequence[Feed], *, symmetric: bool = False) -> ModelProto:
    """Weights int8 with a scale for each column, activations 8 bits with the range that they had over `feeds`, as QDQ.

    Products stay float32: rounding them to 8 bits as well would serve no kernel and cost parity. `symmetric`: activations int8 around
    zero, the one form that TensorRT takes. A product that reads two tensors joined stays float32 too: OpenVINO moves the rounding before
    the join, gives it a scale for every token, and then does not compile.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    joined = {name for node in model.graph.node if node.op_type == "Concat" for name in node.output}
    nodes = [node.name for node in model.graph.node if node.name in set(nodes) and node.input[0] not in joined]

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(feeds)

        def get_next(self) -> Feed | None:
            return next(self.left, None)

    def write(path: Path) -> None:
        quantize_static(
            _with_wide_biases(model, nodes),
            path,
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            activation_type=QuantType.QInt8 if symmetric else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=list(nodes),
            nodes_to_exclude=_others(model, nodes),
            extra_options={
                "ActivationSymmetric": symmetric,
                "MatMulConstBOnly": True,
                "OpTypesToExcludeOutputQuantization": ["MatMul"],
            },
        )

    return _made(write, model) if nodes else model


def blocks(model: ModelProto, nodes: Sequence[str], bits: int) -> ModelProto:
    """Weights of 4 or 8 bits with a scale for every `BLOCK` of a column, as MatMulNBits."""
    if not nodes:
        return model
    with _quiet():
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        copy = ModelProto()
        copy.CopyFrom(model)
        quantiser = MatMulNBitsQuantizer(
            copy,
            bits=bits,
            block_size=BLOCK,
            is_symmetric=True,
            accuracy_level=INTEGER_ARITHMETIC,
            nodes_to_include=list(nodes),
            nodes_to_exclude=_others(model, nodes),
        )
        quantiser.process()
        made: ModelProto = quantiser.model.model
    return made


def _others(model: ModelProto, nodes: Sequence[str]) -> list[str]:
    """Products that stay float32. The dynamic quantiser writes a Gemm as a MatMul of another name before it looks at the names."""
    kept = [node.name for node in model.graph.node if node.op_type in PRODUCTS and node.name not in nodes]
    return [*kept, *(f"{name}_MatMul" for name in kept)]


def _with_wide_biases(model: ModelProto, nodes: Sequence[str]) -> ModelProto:
    """The biases that are added to products as [1, 1, N].

    ONNX Runtime makes a Gemm of a product and a bias [N] before it looks for quantised products, and has no integer kernel for what
    comes of that: such weights would be made float32 again in every run.
    """
    made = ModelProto()
    made.CopyFrom(model)
    links = Links(made)
    vectors = {tensor.name: tensor for tensor in made.graph.initializer if len(tensor.dims) == 1}
    products = [node for node in links.nodes if node.name in nodes]
    adds = {add.name: add for product in products for add in links.after(product) if add.op_type == "Add"}
    for add in adds.values():
        for place, name in enumerate(add.input):
            if name in vectors:
                wide = numpy_helper.from_array(numpy_helper.to_array(vectors[name]).reshape(1, 1, -1), f"{name}_wide")
                made.graph.initializer.append(wide)
                add.input[place] = wide.name
    return without_leftovers(made)


def _made(write, model: ModelProto) -> ModelProto:  # type: ignore[no-untyped-def]
    with _quiet(), tempfile.TemporaryDirectory(prefix="lmdm-precision.") as folder:
        path = Path(folder) / f"{model.graph.name}.onnx"
        write(path)
        return onnx.load(path)


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantisers log to the root logger, give it a handler, and print."""
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with open(os.devnull, "w") as nothing, redirect_stdout(nothing):
            yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)
