"""The C++ loader accepts what the Python loader accepts, refuses what it refuses, and says so in the same words."""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmdm_runtime import load_bundle
from tests.runtime.test_manifest import at, places
from tests.runtime.tiny_bundle import seal, write_tiny_bundle
from tests.runtime.tiny_model import Sizes
from tests.runtime_cpp.bundle_probe import Json, linked_copy, probe, python_answer
from tests.runtime_cpp.programs import run

WRONG: tuple[Any, ...] = (
    *(None, "", -1, 0, 1, 2.5, 3.0, 7, 10**9, 10**9 + 1, 2**31, 2**63, 2**64 - 1, 1e300, True, False),
    *([], [[]], {}, {"a": 1}, "it's", "ä\n", "x" * 300, "sketch", "accompaniment", "block-causal", "encoder-decoder", "../x", "/x"),
)
# What JSON and zip libraries report is theirs.
OWN_WORDS = re.compile(r"(is not valid JSON|holds no readable arrays|cannot be read) \(.*\)", re.DOTALL)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle that the fuzzer begins with: every part of the format."""
    folder = tmp_path_factory.mktemp("rich") / "bundle"
    folder.mkdir()
    run("lmdm_bundle_fuzz", "--write", folder)
    return folder


@pytest.fixture(scope="module", params=["rich", "encoder-decoder", "block-causal"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "rich":
        return request.getfixturevalue("rich")
    folder = tmp_path_factory.mktemp("tiny") / "bundle"
    write_tiny_bundle(folder, Sizes(pattern=request.param), codec="state" if request.param == "block-causal" else "fade")
    return folder


def rounded(value: Any) -> Any:
    """Whole numbers that C++ holds in a float64 as Python's float."""
    if isinstance(value, dict):
        return {key: rounded(child) for key, child in value.items()}
    if isinstance(value, list):
        return [rounded(child) for child in value]
    return float(value) if isinstance(value, int) and abs(value) > 2**53 else value


def comparable(answer: Json, folder: Path) -> Json:
    if "sentence" not in answer:
        return rounded(answer)
    return {**answer, "sentence": OWN_WORDS.sub(r"\1 (…)", answer["sentence"].replace(str(folder), "BUNDLE"))}


def same(*folders: Path) -> list[Json]:
    """The answers of both runtimes, which must be equal; returns Python's."""
    expected = [comparable(python_answer(folder), folder) for folder in folders]
    found = [comparable(answer, folder) for answer, folder in zip(probe(*folders), folders, strict=True)]
    different = [(f, e) for f, e in zip(found, expected, strict=True) if f != e]
    for f, e in different[:10]:
        print("C++:   ", json.dumps(f, ensure_ascii=False)[:500], "\nPython:", json.dumps(e, ensure_ascii=False)[:500])
    assert not different, f"{len(different)} of {len(folders)} answers differ"
    return expected


def test_a_whole_bundle_has_the_same_manifest(whole: Path):
    (answer,) = same(whole)
    assert set(answer) == {"manifest"}


def test_a_difference_would_be_seen(rich: Path, tmp_path: Path):
    other = linked_copy(rich, tmp_path / "bundle")
    edited(other, lambda m: m["sampling"].update(guidance_scale=1.5000001))
    assert probe(rich) != probe(other)


def wrong_documents(document: Json) -> Iterator[Json]:
    for number, path in enumerate(places(document)):
        if path[0] in ("created_with", "files") or (path[0] == "graphs" and len(path) > 1 and path[1] not in ("codec_decoder", "sketch")):
            continue
        broken = copy.deepcopy(document)
        del at(broken, path[:-1])[path[-1]]
        yield broken
        for wrong in WRONG[number % 4 :: 4]:
            broken = copy.deepcopy(document)
            at(broken, path[:-1])[path[-1]] = wrong
            yield broken
        if isinstance(at(document, path), dict):
            broken = copy.deepcopy(document)
            at(broken, path)["unknown"] = at(broken, path)["also unknown"] = 1
            yield broken


def test_every_wrong_value_gets_the_same_sentence(rich: Path, tmp_path: Path):
    document = json.loads((rich / "manifest.json").read_text())
    folders = []
    for number, broken in enumerate(wrong_documents(document)):
        folder = linked_copy(rich, tmp_path / f"{number:04d}")
        replace(folder / "manifest.json", json.dumps(broken).encode())
        folders.append(folder)
    answers = same(*folders)
    sentences = {answer["sentence"] for answer in answers if "sentence" in answer}
    print(f"{len(answers)} manifests, {len(sentences)} different sentences")
    assert len(answers) > 500
    assert len(sentences) > 150


def replace(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def edited(folder: Path, edit: Callable[[dict], object]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    edit(manifest)
    replace(folder / "manifest.json", json.dumps(manifest).encode())


def text_changed(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "manifest.json"
        text = path.read_text()
        assert old in text
        replace(path, text.replace(old, new, 1).encode("utf-8", "surrogateescape"))

    return change


def manifest_is(data: bytes) -> Callable[[Path], None]:
    return lambda folder: replace(folder / "manifest.json", data)


def document_changed(edit: Callable[[dict], object]) -> Callable[[Path], None]:
    return lambda folder: edited(folder, edit)


def listed(path: str) -> Callable[[Path], None]:
    return document_changed(lambda m: m["files"].append({"path": path, "sha256": "0" * 64, "bytes": 1}))


def tokenizer_becomes(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "tokenizer.model").rename(folder.parent / "moved")
        make(folder / "tokenizer.model")

    return change


def swapped(m: dict) -> None:
    a, b = m["graphs"]["conditioner"], m["graphs"]["text_encoder"]
    a["file"], b["file"] = b["file"], a["file"]


def gigantic(m: dict) -> None:
    shape = [10**9, 10**9, 16]
    m["graphs"]["codec_decoder"]["inputs"][1]["shape"] = m["graphs"]["codec_decoder"]["outputs"][1]["shape"] = shape


CHANGES: dict[str, Callable[[Path], object]] = {
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "folder as manifest": lambda folder: ((folder / "manifest.json").unlink(), (folder / "manifest.json").mkdir()),
    **{f"manifest {data!r}": manifest_is(data) for data in (b"", b"{", b"\xff\x00", b"[1]", b'"x"', b"null", b"[" * 100_000)},
    "huge manifest": manifest_is(b" " * (17 << 20)),
    **{f"version {v!r}": document_changed(lambda m, v=v: m.update(format_version=v)) for v in (1, 2, 4, 99, 0, -1, "3", 3.0, None, True)},
    **{
        f"number {text}": text_changed('"guidance_scale":1.5', f'"guidance_scale":{text}')
        for text in ("NaN", "Infinity", "-Infinity", "1e999")
    },
    "bad UTF-8": text_changed('"tiny"', '"\udcff"'),
    "lone surrogate": text_changed('"tiny"', '"\\ud800"'),
    "key twice": text_changed('"block":2', '"block":2,"block":2'),
    "64 levels": text_changed('"tests"', "[" * 62 + "]" * 62),
    "65 levels": text_changed('"tests"', "[" * 63 + "]" * 63),
    "deep": text_changed('"tests"', "[" * 5000 + "]" * 5000),
    **{
        f"path {path!r}": listed(path)
        for path in (
            "../x",
            "/etc/hostname",
            "graphs/../../x",
            "C:\\x",
            "..\\x",
            "C:/x",
            "C:x",
            "//host/x",
            "a\\b",
            ".",
            "..",
            "./tokenizer.model",
            "graphs//weights.bin",
            "graphs",
            "none",
            "ä",
            "ä" * 200,
            "x" * 255,
            "it's",
            "a\tb",
            "a/" * 120,
            "tokenizer.model/x",
        )
    },
    "path with NUL": document_changed(lambda m: m["files"].append({"path": "a\0b", "sha256": "0" * 64, "bytes": 1})),
    "used path outside": document_changed(lambda m: m["text"].update(tokenizer="../x")),
    "used path unlisted": document_changed(lambda m: m["fixtures"]["block"].update(file="fixtures/other.npz")),
    "sketch unlisted": document_changed(lambda m: m["sketch"].update(states="states/other.npz")),
    "encoder unlisted": document_changed(lambda m: m["codec"]["encoder"]["streaming"].update(states="states/other.npz")),
    "missing": tokenizer_becomes(lambda path: None),
    "shorter": tokenizer_becomes(lambda path: path.write_bytes(b"x")),
    "changed": tokenizer_becomes(lambda path: path.write_bytes(b"X" * (path.parent.parent / "moved").stat().st_size)),
    "a folder": tokenizer_becomes(lambda path: path.mkdir()),
    "a link outside": tokenizer_becomes(lambda path: path.symlink_to("../moved")),
    "a link inside": tokenizer_becomes(
        lambda path: (shutil.copy(path.parent.parent / "moved", path.parent / "copy"), path.symlink_to("copy"))
    ),
    "a link to nothing": tokenizer_becomes(lambda path: path.symlink_to("nothing")),
    "links in a circle": tokenizer_becomes(lambda path: path.symlink_to("tokenizer.model")),
    "a device": tokenizer_becomes(lambda path: path.symlink_to("/dev/zero")),
    "swapped": document_changed(swapped),
    "listed twice": document_changed(lambda m: m["files"].append({**m["files"][0], "bytes": 3})),
    "gigantic state": document_changed(gigantic),
    "no batch": document_changed(lambda m: m["model"].update(batch=1)),
    "tokens": document_changed(lambda m: m["text"].update(tokens=9)),
    "drop": document_changed(lambda m: m["sampling"].update(context_drop=40)),
    "causal": document_changed(lambda m: m["model"].update(pattern="block-causal")),
    "causal multiple": document_changed(lambda m: m["model"].update(pattern="block-causal", context=5, window_chunks=3)),
    "shared group": document_changed(lambda m: m["controls"][2]["groups"].append({"name": "mix", "channels": 1})),
    "no sketch": document_changed(lambda m: m.update(sketch=None)),
    "sketch of nothing": document_changed(lambda m: m["controls"].pop(0)),
    "median": document_changed(lambda m: m["sketch"].update(median=9)),
    "medians twice": document_changed(lambda m: m["sketch"].update(medians=[3, 3])),
    "axis": document_changed(lambda m: m["controls"][0]["axis"].update(values=[1, 3, 2])),
    "axis below 0": document_changed(lambda m: m["controls"][0]["axis"].update(values=[-1, 3, 5])),
    "mix channels": document_changed(lambda m: m["controls"][1]["groups"].reverse()),
    "cutoff": document_changed(lambda m: m["controls"][1].update(cutoff=9)),
    "t_f": document_changed(lambda m: m["controls"][1].update(t_f=1)),
    "no t_f": document_changed(lambda m: m["controls"][1].pop("t_f")),
    **{f"no {graph}": document_changed(lambda m, g=graph: m["graphs"].pop(g)) for graph in ("text_encoder", "sketch", "codec_decoder")},
    "input gone": document_changed(lambda m: m["graphs"]["cached_decoder"]["inputs"].pop(0)),
    "output gone": document_changed(lambda m: m["graphs"]["sketch"]["outputs"].pop(1)),
    "input unknown": document_changed(lambda m: m["graphs"]["codec_encoder"]["inputs"].append({"name": "b", "shape": [], "dtype": "bool"})),
    "state without output": document_changed(
        lambda m: m["graphs"]["codec_encoder"]["inputs"].append({"name": "state_b", "shape": [], "dtype": "bool"})
    ),
    "cross left out": document_changed(lambda m: m["graphs"]["context_encoder"]["inputs"].pop()),
}


def test_every_other_change_gets_the_same_sentence(rich: Path, tmp_path: Path):
    folders = [tmp_path / "none", tmp_path / "file"]
    folders[1].write_text("")
    for number, change in enumerate(CHANGES.values()):
        folder = linked_copy(rich, tmp_path / str(number) / "bundle")
        change(folder)
        folders.append(folder)
    answers = same(*folders)
    loaded = {name for name, answer in zip(CHANGES, answers[2:], strict=True) if "manifest" in answer}
    assert loaded == {"64 levels", "a link inside", "cross left out"}


def test_graphs_that_name_weights_elsewhere(rich: Path, tmp_path: Path):
    """Python leaves this to ONNX Runtime, which refuses it when the graph is loaded."""
    for number, location in enumerate((b"../../secre", b"/etc/passwd", b"another.bin")):
        folder = Path(shutil.copytree(rich, tmp_path / str(number)))
        path = folder / "graphs" / "sketch.onnx"
        path.write_bytes(path.read_bytes().replace(b"weights.bin", location))
        seal(folder, json.loads((folder / "manifest.json").read_text()))
        (answer,) = probe(folder)
        words = "not in the manifest's list" if number == 2 else "outside of the bundle"
        assert words in answer["sentence"]
        assert repr(location.decode()) in answer["sentence"]


ARRAYS = {
    "scalar": np.float32(1.5),
    "vector": np.arange(70_000, dtype=np.float32) / 7,
    "block": np.arange(24, dtype=np.float16).reshape(2, 3, 4),
    "ids": np.array([[-(2**62), 5]], np.int64),
    "short": np.array([-32768, 7, 32767], np.int16),
    "int": np.array([-(2**31), 1], np.int32),
    "mask": np.array([True, False]),
    "empty": np.zeros((3, 0, 2), np.float32),
    "one axis of a column": np.asfortranarray(np.arange(3, dtype=np.float32)),
    "by columns": np.asfortranarray(np.arange(24, dtype=np.int64).reshape(2, 3, 4)),
    "short by columns": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
    "texts by columns": np.asfortranarray(np.array([["a", "bc"], ["d", "ef"]])),
    "text": np.array("slow ä 🎵"),
    "texts": np.array(["a", "", "ünï"]),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_those_of_numpy(rich: Path, tmp_path: Path, save: Callable[..., None]):
    folder = Path(shutil.copytree(rich, tmp_path / "bundle"))
    save(folder / "fixtures" / "block.npz", **ARRAYS)
    seal(folder, json.loads((folder / "manifest.json").read_text()))
    assert_arrays_equal(folder, tmp_path)


def assert_arrays_equal(folder: Path, raw: Path) -> None:
    (answer,) = probe(folder, raw=raw)
    bundle = load_bundle(folder)
    count = 0
    for file in (entry.path for entry in bundle.manifest.files if entry.path.endswith(".npz")):
        for name, expected in bundle.arrays(file).items():
            found = answer["arrays"].pop(f"{file}:{name}")
            count += 1
            if expected.dtype.kind == "U" and "texts" in found:
                assert found["texts"] == expected.ravel().tolist()
                continue
            kept = expected.astype(np.int32) if expected.dtype == np.int16 else expected
            values = np.fromfile(raw / found["raw"], found["dtype"])
            assert (found["dtype"], tuple(found["shape"])) == (str(kept.dtype), kept.shape)
            assert values.tobytes() == kept.tobytes(), name  # row by row
    assert count
    assert not answer["arrays"]


@pytest.mark.parametrize(
    "array",
    [np.zeros(2), np.zeros(2, ">f4"), np.array([{}], object), np.zeros(2, np.uint8), np.zeros(2, "S3")],
    ids=["float64", "big endian", "pickle", "uint8", "bytes"],
)
def test_arrays_that_no_bundle_holds(rich: Path, tmp_path: Path, array: np.ndarray):
    folder = Path(shutil.copytree(rich, tmp_path / "bundle"))
    np.savez(folder / "fixtures" / "block.npz", array=array)
    seal(folder, json.loads((folder / "manifest.json").read_text()))
    (answer,) = probe(folder, raw=tmp_path)
    assert "block.npz holds no readable arrays (array 'array': " in answer["sentence"]
    assert answer["sentence"].endswith("; export the checkpoint again with lmdm export")
