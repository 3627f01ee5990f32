"""How a module becomes ONNX: exact names, nothing of the machine that wrote it, and every refusal in one sentence."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor, nn

import lmdm_export.simplify
from lmdm_export.check import checked
from lmdm_export.errors import ExportError
from lmdm_export.graphs.spec import GraphSpec
from lmdm_export.onnx_writer import to_onnx
from lmdm_export.settings import DEFAULT_FADE, parse_lookahead
from lmdm_export.simplify import simplified


class Embedding(nn.Module):
    """A lookup, whose value inside would have the name of the output."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(4, 3)
        self.norm = nn.LayerNorm(3)

    def forward(self, token_ids: Tensor, unused: Tensor) -> tuple[Tensor, Tensor]:
        looked_up = self.table(token_ids)
        return self.norm(looked_up) + looked_up, looked_up.sum(dim=1)


class Untraceable(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else -x


def lookup() -> GraphSpec:
    inputs = {"token_ids": torch.zeros(1, 2, dtype=torch.int64), "unused": torch.zeros(1)}
    return GraphSpec("lookup", Embedding(), inputs, ("embedding", "add"))


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return to_onnx(lookup())


def test_names_are_exact_and_values_inside_do_not_clash(model: onnx.ModelProto) -> None:
    assert [value.name for value in model.graph.input] == ["token_ids", "unused"]
    assert [value.name for value in model.graph.output] == ["embedding", "add"]
    made = [name for node in model.graph.node for name in node.output]
    assert len(made) == len(set(made))


def test_nothing_tells_where_it_was_made(model: onnx.ModelProto) -> None:
    text = str(model)
    for trace in ("doc_string", "metadata_props", "pytorch", "producer", "site-packages", str(Path(__file__).parent)):
        assert trace not in text


def test_written_graph_passes_its_check(model: onnx.ModelProto, tmp_path: Path) -> None:
    for name, one in (("plain", model), ("simplified", simplified(model).model)):
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(one.SerializeToString(deterministic=True))
        found = checked(path, lookup())
        assert [(port.name, port.shape, port.dtype) for port in found.inputs] == [
            ("token_ids", (1, 2), "int64"),
            ("unused", (1,), "float32"),
        ]
        assert found.nodes > 0


def test_check_finds_a_wrong_name_a_dead_node_and_a_dynamic_axis(model: onnx.ModelProto, tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"

    def refused(change: onnx.ModelProto, said: str) -> None:
        path.write_bytes(change.SerializeToString())
        with pytest.raises(ExportError, match=said):
            checked(path, lookup())

    def copied() -> onnx.ModelProto:
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        return copy

    renamed = copied()
    renamed.graph.input[1].name = "other"
    refused(renamed, "inputs of graph lookup came out as")
    dead = copied()
    dead.graph.node.append(onnx.helper.make_node("Neg", ["unused"], ["nowhere"]))
    refused(dead, "1 nodes that no output needs")
    dynamic = copied()
    dynamic.graph.input[1].type.tensor_type.shape.dim[0].dim_param = "n"
    refused(dynamic, "unused has a dynamic axis")
    broken = copied()
    broken.graph.node[0].op_type = "NoSuchOperator"
    refused(broken, "is not valid ONNX")


def test_large_model_is_left_as_it_is_with_the_reason(model: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmdm_export.simplify, "LARGEST_BYTES", 100)
    result = simplified(model)
    assert result.model is model
    assert "message limit" in (result.skipped or "")


def test_module_that_cannot_be_traced_is_one_sentence() -> None:
    with pytest.raises(ExportError, match="graph odd does not translate to ONNX") as failure:
        to_onnx(GraphSpec("odd", Untraceable(), {"x": torch.zeros(2)}, ("y",)))
    assert "\n" not in str(failure.value)


def test_lookahead_words() -> None:
    assert [parse_lookahead(text) for text in ("pay", "crossfade", "crossfade:5")] == [None, DEFAULT_FADE, 5]
    for text in ("", "crossfade:", "crossfade:0", "crossfade:x", "pay:2"):
        with pytest.raises(ExportError, match="--lookahead is"):
            parse_lookahead(text)
