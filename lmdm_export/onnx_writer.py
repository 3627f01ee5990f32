"""A graph as ONNX: fixed shapes, exact names, and nothing in it that depends on the machine or the day."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import torch

from lmdm_export.errors import ExportError
from lmdm_export.folding import fold
from lmdm_export.graphs.spec import GraphSpec

# From 23 on attention stays one operator, which TensorRT-RTX cannot build in float32.
OPSET = 20


@torch.no_grad()
def to_onnx(spec: GraphSpec) -> onnx.ModelProto:
    """Trace a graph with its example inputs; the weights are inside the model.

    Raises:
        ExportError: torch cannot trace or translate the module.
    """
    spec.module.eval()
    try:
        with _quiet():
            program = torch.onnx.export(
                spec.module,
                tuple(spec.inputs.values()),
                dynamo=True,
                opset_version=OPSET,
                verbose=False,
                optimize=False,
            )
            assert program is not None
            fold(program.model)
    except torch.onnx.OnnxExporterError as error:
        raise ExportError(f"graph {spec.name} does not translate to ONNX: {_cause(error)}") from error
    model = program.model_proto
    _name_values(model.graph, tuple(spec.inputs), spec.outputs)
    return anonymous(model, spec.name)


def _name_values(graph: onnx.GraphProto, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
    """Give inputs and outputs their names and number every other value.

    The exporter's own renaming clashes with values inside that happen to have the name of an output.
    """
    if len(graph.input) != len(inputs) or len(graph.output) != len(outputs):
        found = f"{len(graph.input)} inputs and {len(graph.output)} outputs"
        raise ExportError(f"the graph was traced with {found}, expected {len(inputs)} and {len(outputs)}")
    names = {value.name: name for value, name in zip([*graph.input, *graph.output], [*inputs, *outputs], strict=True)}
    if len(names) != len(inputs) + len(outputs):
        raise ExportError(f"two of the outputs {', '.join(outputs)} are one value, or are inputs; expected a value for each")
    names[""] = ""
    for kind, values in (("weight", [tensor.name for tensor in graph.initializer]), ("value", [o for n in graph.node for o in n.output])):
        for value in values:
            names.setdefault(value, f"{kind}_{len(names):04d}")
    for item in (*graph.input, *graph.output, *graph.initializer):
        item.name = names[item.name]
    for node in graph.node:
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]


def anonymous(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The model without stack traces, documentation, producer and other traces of how it was made; nodes are numbered."""
    for field in ("doc_string", "producer_name", "producer_version", "domain"):
        model.ClearField(field)
    model.ClearField("metadata_props")
    model.graph.name = name
    _bare(model.graph)
    for function in model.functions:
        _bare(function)
    for number, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{number:04d}"
    return model


def _bare(part: onnx.GraphProto | onnx.FunctionProto) -> None:
    named = [*part.node, *part.value_info]
    if isinstance(part, onnx.GraphProto):
        named += [*part.input, *part.output, *part.initializer]
        part.ClearField("quantization_annotation")
        # Shapes of values inside are inferred again wherever they are needed.
        part.ClearField("value_info")
    for item in (part, *named):
        item.ClearField("doc_string")
        item.ClearField("metadata_props")
    for node in part.node:
        for attribute in node.attribute:
            attribute.ClearField("doc_string")
            if attribute.type == onnx.AttributeProto.GRAPH:
                _bare(attribute.g)


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of packages that the graphs do not use."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no message'}"
