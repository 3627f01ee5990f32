"""Shards: what we write webdataset reads, what it writes we read, and any order of draws is that of the folder."""

from __future__ import annotations

import io
import json
import os
import random
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
import webdataset
from click.testing import CliRunner
from safetensors.torch import load

from lmdm_train.data.cli import data
from lmdm_train.data.folder import FolderSource
from lmdm_train.data.settings import Needs
from lmdm_train.data.shard_writer import write_shards
from lmdm_train.data.shards import ShardSource, read_index
from lmdm_train.data.source import open_source
from lmdm_train.errors import LmdmTrainError
from lmdm_train.presets import preset
from tests.train.encoded_items import NEEDS, SKETCHED, code_and_start, marked, settings, write_ours, write_released


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve items of both layouts."""
    for index in range(8):
        write_ours(tmp_path / "encoded", f"{index % 2}/ours{index}", index * 100, length=20 + index, stems=("S00", "S01"))
    return tmp_path / "encoded"


def pack(folder: Path, output: Path, size: int = 4000) -> Path:
    write_shards(folder, output, shard_bytes=size)
    return output


def test_shards_draw_what_their_folder_draws(folder: Path, tmp_path: Path) -> None:
    shards = pack(folder, tmp_path / "shards")
    assert len(list(shards.glob("*.tar"))) > 2
    for options in ({}, {"target": "stem"}):
        one = FolderSource(settings(folder, **options), SKETCHED)
        for memory in (0, 100):
            two = ShardSource(settings(shards, memory_mib=memory, **options), SKETCHED)
            for seed in range(4):
                expected, found = one.draw(random.Random(seed), 8, 9), two.draw(random.Random(seed), 8, 9)
                assert torch.equal(expected.frames, found.frames)
                assert torch.equal(expected.features["loudness"], found.features["loudness"])
                assert expected.prompts == found.prompts
                assert (expected.accompaniment is None) == (found.accompaniment is None)
                if expected.accompaniment is not None and found.accompaniment is not None:
                    assert torch.equal(expected.accompaniment, found.accompaniment)
    assert not torch.equal(found.frames, two.draw(random.Random(99), 8, 9).frames)


def test_webdataset_reads_what_we_write(folder: Path, tmp_path: Path) -> None:
    write_released(folder, "released.with.dots", 1000)
    shards = sorted(str(path) for path in pack(folder, tmp_path / "shards").glob("*.tar"))
    samples = {sample["__key__"]: sample for sample in webdataset.WebDataset(shards, shardshuffle=False)}
    assert len(samples) == 9
    assert torch.equal(load(samples["1/ours3"]["safetensors"])["frames"], marked(300, 23))
    assert json.loads(samples["1/ours3"]["json"])["prompt"] == "prompt of 1/ours3"
    decoded = next(s for s in webdataset.WebDataset(shards, shardshuffle=False).decode() if s["__key__"] == "released_with_dots")
    assert np.array_equal(decoded["npy"], marked(1000, 40).numpy())
    assert decoded["json"]["prompt"] == "prompt of released.with.dots"


def test_we_read_what_webdataset_writes(tmp_path: Path) -> None:
    with webdataset.TarWriter(str(tmp_path / "theirs.tar")) as writer:
        for index in range(3):
            writer.write({"__key__": f"x/{index}", "npy": marked(index, 30).numpy(), "json": {"prompt": str(index)}, "txt": "not ours"})
    batch = ShardSource(settings(tmp_path), NEEDS).draw(random.Random(0), 32, 10)
    assert {(code_and_start(crop)[0], prompt) for crop, prompt in zip(batch.frames, batch.prompts, strict=True)} == {
        (0, "0"),
        (1, "1"),
        (2, "2"),
    }


def test_the_same_folder_gives_the_same_shards(folder: Path, tmp_path: Path) -> None:
    one, two = pack(folder, tmp_path / "one"), pack(folder, tmp_path / "two")
    names = sorted(path.name for path in one.glob("*.tar"))
    assert [(one / n).read_bytes() for n in names] == [(two / n).read_bytes() for n in names]
    with pytest.raises(LmdmTrainError, match="is not empty"):
        pack(folder, one)
    with pytest.raises(LmdmTrainError, match="holds no whole items"):
        pack(tmp_path / "one", tmp_path / "three")


def test_an_index_is_kept_and_belongs_to_one_file(folder: Path, tmp_path: Path) -> None:
    shards = pack(folder, tmp_path / "shards", size=1 << 20)
    (shard,) = shards.glob("*.tar")
    first = read_index(shard)
    index = shards / "shard-000000.tar.index.json"
    content = index.read_text()
    assert read_index(shard) == first
    # What the index says is believed, hence it was read.
    index.write_text(content.replace("0/ours0", "0/renamed"))
    assert "0/renamed" in {item.id for item, _ in read_index(shard)[0]}
    # Another file of the same size has another index, and a damaged index is no index.
    state = shard.stat()
    os.utime(shard, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert read_index(shard) == first
    for bad in ("", "{}", "[]", json.dumps({**json.loads(index.read_text()), "items": [{"item": {}}]}), "[" * 100_000):
        index.write_text(bad)
        assert read_index(shard) == first
    lies = json.loads(index.read_text())
    lies["items"][0]["tensors"] = [state.st_size - 5, 100]
    index.write_text(json.dumps(lies))
    assert read_index(shard) == first


def tar_of(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def npy(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=allow_pickle)
    return file.getvalue()


def test_damaged_members_and_shards_are_skipped_with_their_reasons(folder: Path, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    good = npy(marked(0, 30).numpy())
    tar_of(
        shards / "a.tar",
        {
            "good.npy": good,
            "good.json": b"{}",
            "alone.npy": good,
            "objects.npy": npy(np.array([[{}]], dtype=object), allow_pickle=True),
            "objects.json": b"{}",
            "header.safetensors": (1 << 60).to_bytes(8, "little") + b"{}",
            "header.json": b"{}",
            "shapes.safetensors": (23).to_bytes(8, "little") + b'{"frames": {"shape":3}}',
            "shapes.json": b"{}",
            "text.npy": b"not an array",
            "text.json": b"{}",
            "broken.npy": good,
            "broken.json": b"{",
            "short.npy": good[:200],
            "short.json": b"{}",
            "../../escape.npy": good,
            "../../escape.json": b"{}",
        },
    )
    tar_of(shards / "b.tar", {"good.npy": good, "good.json": b"{}"})
    tar_of(shards / "c.tar", {"cut.npy": good, "cut.json": b"{}", "late.npy": good, "late.json": b"{}"})
    whole = (shards / "c.tar").read_bytes()
    (shards / "c.tar").write_bytes(whole[: 512 * 5 + 100])
    (shards / "d.tar").write_bytes(b"nothing of the kind" * 100)
    source = ShardSource(settings(shards), NEEDS)
    reasons = {name: why for name, why in source.skipped.items() if "/" in name or name.endswith("tar")}
    assert {"a.tar/alone", "a.tar/objects", "a.tar/header", "a.tar/shapes", "a.tar/text", "a.tar/broken", "b.tar/good", "d.tar"} <= set(
        reasons
    )
    assert "expected json and" in reasons["a.tar/alone"]
    assert "name already" in reasons["b.tar/good"]
    assert "not a whole tar file" in reasons["d.tar"]
    # What looked whole and is not is found when it is drawn; a member's name is never a path.
    codes = {code_and_start(crop)[0] for crop in source.draw(random.Random(0), 16, 10).frames}
    assert codes == {0}
    with pytest.raises(LmdmTrainError, match="holds no shards"):
        ShardSource(settings(folder), NEEDS)


def test_a_shard_that_is_gone_or_shorter_is_a_skip(folder: Path, tmp_path: Path) -> None:
    shards = pack(folder, tmp_path / "shards")
    source = ShardSource(settings(shards, memory_mib=0), NEEDS)
    first, second, *_ = sorted(shards.glob("*.tar"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:600])
    assert source.draw(random.Random(0), 16, 9).frames.isfinite().all()


def test_the_command_and_opening_by_what_the_folder_holds(folder: Path, tmp_path: Path) -> None:
    (folder / "broken.npy").write_bytes(b"no")
    result = CliRunner().invoke(data, ["shard", str(folder), "-o", str(tmp_path / "s"), "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.output)
    assert (report["items"], report["shards"]) == (8, 1)
    assert list(report["skipped"]) == ["broken.npy"]
    config = preset("tiny")
    for path in (folder, tmp_path / "s"):
        with pytest.raises(LmdmTrainError, match="3 latent channels, expected 8"):
            open_source(settings(path), config)
    assert isinstance(ShardSource(settings(tmp_path / "s"), Needs(3, 44_100, 2048, 1.0)), ShardSource)
