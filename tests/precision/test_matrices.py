"""Names of matrices, against the weights of the torch network that they were exported from."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper

from lmdm_export.errors import ExportError
from lmdm_export.graphs.prepare import prepared
from lmdm_export.precision.kinds import KINDS
from lmdm_export.precision.matrices import matrices
from lmdm_export.precision.network import load_graph, network_graphs
from lmdm_export.precision.variant import matrix_names, write_variant
from lmdm_runtime.bundle import Bundle
from tests.small_instruments import small_instrument


def named_weights(bundle: Bundle) -> dict[str, np.ndarray]:
    """Every matrix by name; the same name must be the same matrix in every graph."""
    found: dict[str, np.ndarray] = {}
    for graph in network_graphs(bundle):
        model = load_graph(bundle, graph)
        values = {tensor.name: tensor for tensor in model.graph.initializer}
        for matrix in matrices(model):
            weight = numpy_helper.to_array(values[matrix.weight])
            assert np.array_equal(found.setdefault(matrix.name, weight), weight), matrix.name
    return found


def test_names_are_those_of_the_torch_network(tiny: Bundle) -> None:
    found = named_weights(tiny)
    transformer = prepared(small_instrument("tiny")).dit
    for number, layer in enumerate(transformer.layers):
        for name, weight in (
            ("self.q", layer.self_attn.to_q.weight),
            ("self.kv", layer.self_attn.to_kv.weight),
            ("self.out", layer.self_attn.to_out.weight),
            ("cross.q", layer.cross_attn.to_q.weight),
            ("cross.kv", layer.cross_attn.to_kv.weight),
            ("cross.out", layer.cross_attn.to_out.weight),
        ):
            assert np.array_equal(found[f"layers.{number:02d}.{name}"], weight.T.numpy()), name
        width = transformer.config.width if hasattr(transformer, "config") else found["layers.00.self.q"].shape[0]
        assert found[f"layers.{number:02d}.ff.in"].shape[0] == found[f"layers.{number:02d}.ff.out"].shape[1] == width
    assert {"project_in", "project_additive", "project_out"} <= set(found)
    assert list(found) == [name for name in dict.fromkeys(found)]
    assert set(matrix_names(tiny)) == set(found)


def test_an_unknown_name_is_refused(tiny: Bundle, tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ExportError, match=r"'layers\.99\.ff\.in' names no matrix of tiny, .* lmdm bisect"):
        write_variant(tiny, tmp_path, KINDS["int8"], keep=["layers.99.ff.in"])
