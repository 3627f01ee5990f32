"""Writes an encoded folder as WebDataset shards: whole items in the order of their ids, the same bytes every time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import webdataset

from lmdm_train.data.folder import list_items
from lmdm_train.errors import LmdmTrainError

PATTERN = "shard-%06d.tar"


def write_shards(
    folder: Path,
    output: Path,
    *,
    shard_bytes: int = 1 << 30,
    shard_items: int = 100_000,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[int, int, dict[str, str]]:
    """Write the items of `folder` into `output/shard-NNNNNN.tar`; returns shards, items and why other items were left out.

    Shards appear when all of them are written. Dots in ids become underscores, since a WebDataset key ends at the first dot.

    Raises:
        LmdmTrainError: there is nothing to write, or `output` is not empty.
    """
    items, problems = list_items(folder)
    if not items:
        first = next(iter(problems.items()), None)
        raise LmdmTrainError(
            f"{folder} holds no whole items{f'; {first[0]}: {first[1]}' if first else ''}; make some with: lmdm data encode"
        )
    if output.exists() and any(output.iterdir()):
        raise LmdmTrainError(f"{output} is not empty; choose another -o or remove it")
    output.mkdir(parents=True, exist_ok=True)
    keys = _keys([item.id for item, _ in items])
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as scratch:
        work = Path(scratch).resolve() / "shards"
        work.mkdir()
        pattern = str(work).replace("%", "%%") + f"/{PATTERN}"
        with webdataset.ShardWriter(pattern, maxcount=shard_items, maxsize=shard_bytes, verbose=0, mtime=0, encoder=False) as writer:
            for done, (item, path) in enumerate(items, start=1):
                kind = path.suffix.removeprefix(".")
                writer.write({"__key__": keys[item.id], kind: path.read_bytes(), "json": path.with_suffix(".json").read_bytes()})
                progress(done, len(items))
        count = len(list(work.glob("*.tar")))
        # One rename onto the empty folder: shards are there as a whole or not at all.
        work.replace(output.resolve())
    return count, len(items), problems


def _keys(ids: list[str]) -> dict[str, str]:
    keys: dict[str, str] = {}
    taken: set[str] = set()
    for item in ids:
        folder, _, name = item.rpartition("/")
        key = base = (f"{folder}/" if folder else "") + name.replace(".", "_")
        count = 1
        while key in taken:
            count += 1
            key = f"{base}-{count}"
        taken.add(key)
        keys[item] = key
    return keys
