"""Writes the bundles of the backends' tests, with what Python's ONNX Runtime and numpy answer as their fixtures.

Usage: python write_bundles.py FOLDER
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.runtime.thread_files import CASES, good, write_case
from tests.runtime.tiny_bundle import add_offset_as_fused, seal, write_tiny_bundle
from tests.runtime.tiny_graphs import GraphWriter, Weights
from tests.runtime.tiny_model import Sizes, TinyModel

TOLERANCE = 1e-6
TURNS = 4
# A chain of products that takes about a second; both ends of it are outputs.
LINKS, LINK = 300, 384
# A matrix of 16 MiB, as float32.
WIDE = 2048

Manifest = dict
Change = Callable[[Path, Manifest], None]


def values(rng: np.random.Generator, port: dict) -> np.ndarray:
    if port["dtype"] == "int64":
        return rng.integers(0, 2, port["shape"])
    return rng.standard_normal(port["shape"]).astype(np.float32)


def add_fixtures(folder: Path, manifest: Manifest) -> None:
    """One run of each graph in Python's ONNX Runtime, in the form of an exported bundle's fixtures."""
    rng = np.random.default_rng(1)
    (folder / "fixtures").mkdir(exist_ok=True)
    for name, entry in manifest["graphs"].items():
        session = ort.InferenceSession(folder / entry["file"], providers=["CPUExecutionProvider"])
        inputs = {port["name"]: values(rng, port) for port in entry["inputs"]}
        names = [port["name"] for port in entry["outputs"]]
        outputs = dict(zip(names, session.run(names, inputs), strict=True))
        arrays = {f"input_{key}": value for key, value in inputs.items()} | {f"output_{key}": value for key, value in outputs.items()}
        np.savez(folder / "fixtures" / f"graph_{name}.npz", **arrays)
        by_output = dict.fromkeys(outputs, TOLERANCE)
        manifest["fixtures"][f"graph_{name}"] = {
            "file": f"fixtures/graph_{name}.npz",
            "tolerance": {"max_abs": TOLERANCE, "by_output": by_output},
        }


def add_turns(folder: Path, manifest: Manifest, model: TinyModel) -> None:
    """Runs of the codec's decoder that feed each other, in numpy: the audio of each turn from the frames of all turns before."""
    rng = np.random.default_rng(2)
    state = np.load(folder / "states" / "codec_decoder.npz")["state_tail"]
    arrays = {"state_tail": state}
    for turn in range(TURNS):
        frames = rng.standard_normal((1, model.sizes.channels, model.sizes.block)).astype(np.float32)
        audio = (frames.transpose(0, 2, 1) @ model.decoder).reshape(1, 1, -1) + state[..., None]
        state = 0.5 * audio[..., -1]
        arrays |= {f"frames_{turn}": frames, f"audio_{turn}": audio}
    np.savez(folder / "fixtures" / "turns.npz", **arrays)
    manifest["fixtures"]["turns"] = {"file": "fixtures/turns.npz", "tolerance": {"max_abs": TOLERANCE}}


def add_slow(folder: Path, manifest: Manifest) -> None:
    square = (LINK, LINK)
    g = GraphWriter("slow", {"x": (square, "float32")}, Weights())
    g.output("first", g.op("Add", "x", g.constant(1.0, np.float32)), square)
    link = "first"
    for _ in range(LINKS):
        link = g.op("MatMul", link, "x")
    g.output("last", link, square)
    manifest["graphs"]["slow"] = g.write(folder)


def add_wide(matrices: dict[str, str]) -> Change:
    """Graphs of one product with a wide matrix, by the matrix that each takes."""

    def add(folder: Path, manifest: Manifest) -> None:
        weights = Weights(bytearray((folder / "graphs" / "weights.bin").read_bytes()))
        for graph, matrix in matrices.items():
            rng = np.random.default_rng(len(matrix))
            g = GraphWriter(graph, {"x": ((1, WIDE), "float32")}, weights)
            g.output("y", g.op("MatMul", "x", g.weight(matrix, rng.standard_normal((WIDE, WIDE)))), (1, WIDE))
            manifest["graphs"][graph] = g.write(folder)
        (folder / "graphs" / "weights.bin").write_bytes(bytes(weights.data))

    return add


def edit_graph(name: str, change: Callable[[onnx.GraphProto], None]) -> Change:
    def edit(folder: Path, manifest: Manifest) -> None:
        path = folder / manifest["graphs"][name]["file"]
        model = onnx.load(path, load_external_data=False)
        change(model.graph)
        path.write_bytes(model.SerializeToString())

    return edit


def unknown_operator(graph: onnx.GraphProto) -> None:
    graph.node[0].op_type = "Nonsense"


def renamed_output(graph: onnx.GraphProto) -> None:
    for node in graph.node:
        node.output[:] = ["other" if name == "velocity" else name for name in node.output]
    next(value for value in graph.output if value.name == "velocity").name = "other"


def other_shape(graph: onnx.GraphProto) -> None:
    graph.input[0].type.tensor_type.shape.dim[0].dim_value = 7


def other_type(graph: onnx.GraphProto) -> None:
    mask = next(value for value in graph.input if value.name == "token_mask")
    mask.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE


def past_the_end(graph: onnx.GraphProto) -> None:
    tensor = next(t for t in graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL)
    next(entry for entry in tensor.external_data if entry.key == "offset").value = str(2**40)


def longer_than_its_shape(graph: onnx.GraphProto) -> None:
    tensor = next(t for t in graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL)
    next(entry for entry in tensor.external_data if entry.key == "length").value = "4"


def variant(source: Path, folder: Path, *changes: Change) -> None:
    """A copy of a bundle with changes, sealed again, so that its hashes are right."""
    shutil.copytree(source, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for change in changes:
        change(folder, manifest)
    seal(folder, manifest)


def write_all(out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    for name, sizes in {"encoder-decoder": Sizes(), "block-causal": Sizes(pattern="block-causal")}.items():
        model = write_tiny_bundle(out / "plain", sizes)
        variant(out / "plain", out / name, add_fixtures, lambda folder, manifest, model=model: add_turns(folder, manifest, model))
        shutil.rmtree(out / "plain")
    whole = out / "encoder-decoder"
    variant(whole, out / "fused", add_offset_as_fused)
    variant(whole, out / "slow", add_slow)
    variant(whole, out / "together", add_wide({"one": "matrix", "other": "matrix"}))
    variant(whole, out / "apart", add_wide({"one": "matrix", "other": "second matrix"}))
    variant(whole, out / "measured")
    (out / "measured" / "threads.json").write_text(json.dumps(good(1, spinning=False)))
    for case in CASES:
        write_case(out / "threads", case)
    variant(whole, out / "unknown-operator", edit_graph("codec_encoder", unknown_operator))
    variant(whole, out / "renamed-output", edit_graph("cached_decoder", renamed_output))
    variant(whole, out / "other-shape", edit_graph("conditioner", other_shape))
    variant(whole, out / "other-type", edit_graph("text_encoder", other_type))
    variant(whole, out / "past-the-end", edit_graph("codec_decoder", past_the_end))
    variant(whole, out / "longer-than-its-shape", edit_graph("codec_decoder", longer_than_its_shape))


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
