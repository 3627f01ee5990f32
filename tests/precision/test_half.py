"""16 bits: against ONNX Runtime's own converter, against torch, and the islands that must stay float32."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper

from lmdm_export.errors import ExportError
from lmdm_export.precision.calibration import recorded
from lmdm_export.precision.emulation import emulated
from lmdm_export.precision.half import in_half, types_of
from lmdm_export.precision.islands import ISLANDS, island_nodes
from lmdm_export.precision.kinds import SENSITIVE
from lmdm_export.precision.ladder import Search
from lmdm_export.precision.network import load_graph
from lmdm_runtime.bundle import Bundle


def run(model: ModelProto, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {port.name: feed[port.name] for port in session.get_inputs()})


def small(opset: int = 20) -> tuple[ModelProto, np.ndarray, np.ndarray, np.ndarray]:
    """sigmoid(x · W + b), with x [4, 24] to come."""
    draw = np.random.default_rng(1)
    x, w, b = (draw.standard_normal(shape).astype(np.float32) for shape in ((4, 24), (24, 16), (16,)))
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"], name="product"),
        helper.make_node("Add", ["product", "b"], ["sum"], name="sum"),
        helper.make_node("Sigmoid", ["sum"], ["y"], name="y"),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", (4, 24)), ("y", (4, 16)))]
    graph = helper.make_graph(nodes, "small", ports[:1], ports[1:], [numpy_helper.from_array(w, "w"), numpy_helper.from_array(b, "b")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10), x, w, b


def test_float16_equals_the_converter_of_onnxruntime(tiny: Bundle, search: Search) -> None:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = load_graph(tiny, "cached_decoder")
    feed = recorded(tiny, search.backend, search.reference.scenario.first(8))["cached_decoder"][-1]
    kept = island_nodes(model, SENSITIVE)
    ours = in_half(model, TensorProto.FLOAT16, kept)
    onnx.checker.check_model(ours, full_check=True)
    theirs = convert_float_to_float16(
        load_graph(tiny, "cached_decoder"), keep_io_types=True, node_block_list=sorted(kept), op_block_list=[]
    )
    exact, mine, other = (run(each, dict(feed))[0] for each in (model, ours, theirs))
    rounding = np.abs(exact - other).max()
    assert 0 < rounding < 0.05 * np.abs(exact).max()
    assert np.abs(mine - other).max() < rounding
    assert np.abs(exact - mine).max() < 2 * rounding


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16])
@pytest.mark.parametrize("graph", ["conditioner", "context_encoder", "cached_decoder"])
def test_islands_and_ports_stay_float32_and_the_rest_does_not(tiny: Bundle, graph: str, kind: int) -> None:
    model = load_graph(tiny, graph)
    made = in_half(model, kind, island_nodes(model, SENSITIVE))
    types = types_of(made)
    for before, after in zip((*model.graph.input, *model.graph.output), (*made.graph.input, *made.graph.output), strict=True):
        assert before == after
    computed = Counter((node.op_type, types[node.output[0]]) for node in made.graph.node)
    for operator in ("LayerNormalization", "Softmax", "Sin", "Cos", "Neg"):
        assert computed[operator, kind] == 0
    products = [node for node in made.graph.node if node.op_type == "MatMul" and node.name not in ISLANDS["time features"](model)]
    assert products
    assert {types[node.output[0]] for node in products} == {kind}


def test_every_island_is_found_where_it_is(tiny: Bundle) -> None:
    decoder, conditioner = load_graph(tiny, "cached_decoder"), load_graph(tiny, "conditioner")
    layers = tiny.manifest.model.depth
    operators = {node.name: node.op_type for node in decoder.graph.node}
    rotations = Counter(operators[name] for name in ISLANDS["rotary"](decoder))
    assert (rotations["Neg"], rotations["Add"], rotations["Mul"]) == (2 * layers, 2 * layers, 4 * layers)  # of keys and of queries
    assert sum(operators[name] == "Softmax" for name in ISLANDS["softmax"](decoder)) == 2 * layers  # self and cross
    for model in (decoder, conditioner):
        assert {"Sin", "Cos"} <= {node.op_type for node in model.graph.node if node.name in ISLANDS["time features"](model)}


def test_a_weight_beyond_float16_is_refused_and_bfloat16_takes_it() -> None:
    model, *_ = small()
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.full(16, 1e6, np.float32), "b"))
    with pytest.raises(ExportError, match="weight b has values beyond float16; use bfloat16"):
        in_half(model, TensorProto.FLOAT16, set())
    in_half(model, TensorProto.BFLOAT16, set())


def test_emulated_bfloat16_is_what_torch_computes_in_bfloat16() -> None:
    model, x, w, b = small()
    half = in_half(model, TensorProto.BFLOAT16, set())
    assert {types_of(half)[name] for name in ("product", "sum")} == {TensorProto.BFLOAT16}
    (made,) = run(emulated(half), {"x": x})
    with torch.no_grad():
        tensors = [torch.from_numpy(value).bfloat16() for value in (x, w, b)]
        expected = torch.sigmoid(tensors[0] @ tensors[1] + tensors[2]).float().numpy()
    (exact,) = run(model, {"x": x})
    ulp = 2.0**-8
    assert np.abs(made - expected).max() <= ulp  # one rounding of a value near 1
    assert np.mean(made == expected) > 0.9
    assert np.mean(exact == expected) < 0.1  # control: float32 is not what bfloat16 gives
