"""One file of weights for all graphs: what is shared is stored once, and every graph still reads its own values."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lmdm_export.graphs import build_graphs
from lmdm_export.shared_weights import LINE, PAGE, SharedWeights, external_names
from lmdm_train.presets import preset
from tests.export.onnx_run import write
from tests.small_instruments import small_instrument


def product(*weights: np.ndarray) -> onnx.ModelProto:
    """A graph that adds its inputs to weights named by their place."""
    tensors = [numpy_helper.from_array(weight, f"weight_{place}") for place, weight in enumerate(weights)]
    nodes = [helper.make_node("Add", [f"x{place}", tensor.name], [f"y{place}"]) for place, tensor in enumerate(tensors)]
    ports = [
        [helper.make_tensor_value_info(f"{side}{place}", tensor.data_type, list(tensor.dims)) for place, tensor in enumerate(tensors)]
        for side in "xy"
    ]
    graph = helper.make_graph(nodes, "product", ports[0], ports[1], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def external(model: onnx.ModelProto) -> dict[str, dict[str, str]]:
    return {
        tensor.name: {entry.key: entry.value for entry in tensor.external_data}
        for tensor in model.graph.initializer
        if tensor.data_location == TensorProto.EXTERNAL
    }


def test_equal_tensors_of_two_graphs_are_stored_once() -> None:
    shared, own = np.ones((64, 64), np.float32), np.full((64, 64), 2, np.float32)
    file = io.BytesIO()
    weights = SharedWeights(file, "weights.bin")
    first, second = product(shared), product(own, shared)
    weights.externalise(first)
    weights.externalise(second)
    assert weights.used_bytes == 3 * shared.nbytes
    assert weights.stored_bytes == 2 * shared.nbytes
    names = [set(external(model)) for model in (first, second)]
    assert names[0] < names[1]
    assert [set(model.graph.node[-1].input) & names[0] for model in (first, second)] == [names[0], names[0]]


def test_every_tensor_reads_back_from_the_file() -> None:
    rng = np.random.default_rng(0)
    given = [
        rng.standard_normal((40, 40)).astype(np.float32),
        rng.integers(0, 9, (300,)),
        rng.standard_normal((200, 200)).astype(np.float32),
    ]
    file = io.BytesIO()
    model = product(*given)
    SharedWeights(file, "weights.bin").externalise(model)
    content = file.getvalue()
    for tensor, value in zip(model.graph.initializer, given, strict=True):
        where = {entry.key: entry.value for entry in tensor.external_data}
        offset, length = int(where["offset"]), int(where["length"])
        assert offset % (PAGE if value.nbytes >= 16 * PAGE else LINE) == 0
        assert np.array_equal(np.frombuffer(content[offset : offset + length], value.dtype).reshape(value.shape), value)


def test_small_tensors_stay_in_the_graph() -> None:
    model = product(np.ones(8, np.float32))
    file = io.BytesIO()
    SharedWeights(file, "weights.bin").externalise(model)
    assert not external(model)
    assert not file.getvalue()


@pytest.mark.parametrize("other", [np.zeros(1024, np.int32), np.zeros((32, 32), np.float32)])
def test_equal_bytes_of_another_type_or_shape_share_storage_but_no_name(other: np.ndarray) -> None:
    file = io.BytesIO()
    weights = SharedWeights(file, "weights.bin")
    model = product(np.zeros(1024, np.float32), other)
    weights.externalise(model)
    assert len(external(model)) == 2
    assert len({entry["offset"] for entry in external(model).values()}) == 1
    onnx.checker.check_model(onnx.load_from_string(product(np.zeros(1024, np.float32), other).SerializeToString()), full_check=True)


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["tiny", "tiny-bc"])
def test_the_two_graphs_of_the_network_share_every_matrix(name: str, tmp_path: Path) -> None:
    graphs = build_graphs(small_instrument(name))
    written = write(graphs, tmp_path, ("context_encoder", "cached_decoder"))
    context, decoder = (external_names(written.path(graph)) for graph in ("context_encoder", "cached_decoder"))
    alone = {tuple(map(int, weight.rpartition("_")[2].split("x"))) for weight in context - decoder}
    config = preset(name)
    additive = {(config.dit.additive_channels, config.dit.width)}
    # The context's own: rotary tables of its positions and the projection of the clean input, which no noisy block has.
    assert {shape for shape in alone if shape[-1] != config.dit.rotary_width} <= additive
    assert written.weights.ratio > 1.4
