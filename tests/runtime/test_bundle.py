"""What a bundle must be: every way to damage one is refused in one sentence that names the file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from lmdm_runtime import BundleError, Session, load_bundle
from lmdm_runtime.manifest import parse_manifest
from tests.runtime.conftest import Tiny
from tests.runtime.tiny_bundle import seal


@pytest.fixture
def copied(causal: Tiny, tmp_path: Path) -> Path:
    return Path(shutil.copytree(causal.folder, tmp_path / "bundle"))


def edited(folder: Path, edit: Callable[[dict], object], *, sealed: bool = False) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    edit(manifest)
    if sealed:
        seal(folder, manifest)
    else:
        (folder / "manifest.json").write_text(json.dumps(manifest))


def refused(folder: Path, *words: str, play: bool = False) -> None:
    """Loading, or with `play` the first session, refuses the bundle in one line that holds the words."""
    with pytest.raises(BundleError) as caught:
        Session(load_bundle(folder)) if play else load_bundle(folder)
    sentence = str(caught.value)
    assert "\n" not in sentence
    for word in words:
        assert word in sentence


def test_a_whole_bundle_loads(causal: Tiny):
    manifest = causal.bundle.manifest
    assert manifest.model.pattern == "block-causal"
    assert manifest.graphs["cached_decoder"].input("x").shape == (1, 2, 2)
    assert parse_manifest(manifest.document) == manifest


def test_nothing_there(tmp_path: Path):
    refused(tmp_path / "none", "no bundle", "lmdm export")


def test_a_file_instead_of_a_folder(tmp_path: Path):
    (tmp_path / "x.onnx").write_text("")
    refused(tmp_path / "x.onnx", "is a file", "lmdm export")


def test_a_folder_without_manifest(tmp_path: Path):
    refused(tmp_path, "manifest.json", "lmdm export")


@pytest.mark.parametrize("text", ["", "{", "\xff\x00", "[1]", '"bundle"'])
def test_a_manifest_that_is_none(copied: Path, text: str):
    (copied / "manifest.json").write_bytes(text.encode("latin-1"))
    refused(copied, "manifest.json")


@pytest.mark.parametrize(
    ("version", "word"),
    [(4, "pip install"), (99, "99"), (1, "lmdm export"), (2, "lmdm export"), (0, "export"), ("1", "format_"), (None, "format_")],
)
def test_other_versions(copied: Path, version: object, word: str):
    edited(copied, lambda m: m.update(format_version=version, unknown_to_us=1))
    refused(copied, word)


def test_not_a_number_is_no_json(copied: Path):
    edited(copied, lambda m: m["sampling"].update(guidance_scale=float("nan")))
    refused(copied, "NaN", "lmdm export")


def test_the_schema_names_the_place(copied: Path):
    edited(copied, lambda m: m["model"].update(block=-1))
    refused(copied, "model.block", "-1")


@pytest.mark.parametrize("name", ["graphs/weights.bin", "graphs/cached_decoder.onnx", "tokenizer.model", "states/codec_decoder.npz"])
def test_missing_and_changed_files(copied: Path, name: str):
    file = copied / name
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    refused(copied, name, "bytes")
    file.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    refused(copied, name, "SHA-256")
    file.unlink()
    refused(copied, name, "missing")


@pytest.mark.parametrize("path", ["../secret.bin", "/etc/hostname", "graphs/../../secret.bin", "C:\\secret.bin", "..\\secret.bin"])
def test_paths_that_leave_the_folder(copied: Path, path: str):
    edited(copied, lambda m: m["files"].append({"path": path, "sha256": "0" * 64, "bytes": 1}))
    refused(copied, "outside", "secret" if "secret" in path else "hostname")


def test_a_link_that_leaves_the_folder(copied: Path, tmp_path: Path):
    (tmp_path / "secret.bin").write_bytes((copied / "tokenizer.model").read_bytes())
    (copied / "tokenizer.model").unlink()
    (copied / "tokenizer.model").symlink_to(tmp_path / "secret.bin")
    refused(copied, "tokenizer.model", "outside")


def test_a_file_that_is_used_but_not_listed(copied: Path):
    edited(copied, lambda m: m.update(files=[f for f in m["files"] if f["path"] != "tokenizer.model"]))
    refused(copied, "tokenizer.model", "list of files")


def test_graphs_swapped_in_the_manifest(copied: Path):
    def swap(m: dict) -> None:
        a, b = m["graphs"]["conditioner"], m["graphs"]["text_encoder"]
        a["file"], b["file"] = b["file"], a["file"]

    edited(copied, swap)
    refused(copied, "SHA-256", "text_encoder")


def test_graphs_swapped_on_disk_with_honest_hashes(copied: Path):
    a, b = (copied / "graphs" / f"{name}.onnx" for name in ("conditioner", "text_encoder"))
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    edited(copied, lambda m: None, sealed=True)
    refused(copied, "conditioner.onnx", "manifest", play=True)


def test_a_graph_of_another_shape(copied: Path):
    path = copied / "graphs" / "codec_decoder.onnx"
    model = onnx.load(path, load_external_data=False)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 3
    path.write_bytes(model.SerializeToString())
    edited(copied, lambda m: None, sealed=True)
    refused(copied, "codec_decoder.onnx", play=True)


def test_a_graph_that_is_no_graph(copied: Path):
    (copied / "graphs" / "cached_decoder.onnx").write_bytes(b"not a graph")
    edited(copied, lambda m: None, sealed=True)
    refused(copied, "cached_decoder.onnx", "does not load", play=True)


@pytest.mark.parametrize("location", ["../../secret.bin", "{outside}"])
def test_weights_outside_of_the_folder_are_not_read(copied: Path, location: str):
    outside = copied.parent / "secret.bin"
    outside.write_bytes((copied / "graphs" / "weights.bin").read_bytes())
    path = copied / "graphs" / "conditioner.onnx"
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location.format(outside=outside)
    path.write_bytes(model.SerializeToString())
    edited(copied, lambda m: None, sealed=True)
    refused(copied, "conditioner.onnx", "does not load", play=True)


def test_weights_that_end_too_soon(copied: Path):
    weights = copied / "graphs" / "weights.bin"
    weights.write_bytes(weights.read_bytes()[:100])
    edited(copied, lambda m: None, sealed=True)
    refused(copied, "does not load", play=True)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda m: m["graphs"].pop("codec_encoder"), ("codec_encoder",)),
        (lambda m: m["graphs"].pop("text_encoder"), ("text_encoder",)),
        (lambda m: m["model"].update(batch=1), ("batch 1", "cfg")),
        (lambda m: m["model"].update(context=6), ("context_encoder", "[2, 2, 4, 3]", "[2, 2, 6, 3]")),
        (lambda m: m["model"].update(context=5), ("multiple",)),
        (lambda m: m["model"].update(window_chunks=None), ("window_chunks",)),
        (lambda m: m["text"].update(tokens=9), ("9 tokens",)),
        (lambda m: m["sampling"].update(context_drop=40), ("context_drop 40",)),
        (lambda m: m["controls"].clear(), ("unknown input control_loudness",)),
        (lambda m: m["controls"][0].update(axis={"unit": "dB", "values": [-60, 0]}), ("axis of 2 values for 1 channels",)),
        (lambda m: m["graphs"]["cached_decoder"]["inputs"].pop(0), ("lacks the input x",)),
        (lambda m: m["graphs"]["cached_decoder"]["inputs"][0].update(dtype="complex64"), ("complex64",)),
        (lambda m: m["codec"].update(frame_size=16), ("codec_encoder", "audio")),
    ],
)
def test_parts_that_do_not_fit(copied: Path, edit: Callable[[dict], object], words: tuple[str, ...]):
    edited(copied, edit)
    refused(copied, *words)


def encrypted(archive: bytes) -> bytes:
    """The same zip file, with the flag that its members are encrypted."""
    raised = bytearray(archive)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raised[archive.index(signature) + flags] |= 1
    return bytes(raised)


@pytest.mark.parametrize("damage", [lambda archive: b"PK\x03\x04 no", lambda archive: b"", lambda archive: archive[:-30], encrypted])
def test_first_states_that_are_none(copied: Path, damage: Callable[[bytes], bytes]):
    path = copied / "states" / "codec_decoder.npz"
    path.write_bytes(damage(path.read_bytes()))
    edited(copied, lambda m: None, sealed=True)
    refused(copied, "codec_decoder.npz", play=True)


def test_a_tokenizer_that_is_none(copied: Path):
    (copied / "tokenizer.model").write_bytes(b"no tokenizer")
    edited(copied, lambda m: None, sealed=True)
    refused(copied, "tokenizer.model", play=True)


def test_first_states_are_never_pickles(copied: Path):
    np.savez(copied / "states" / "codec_decoder.npz", state_tail=np.array([{"a": 1}], dtype=object))
    edited(copied, lambda m: None, sealed=True)
    refused(copied, "codec_decoder.npz", play=True)
