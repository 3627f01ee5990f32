"""Draws from WebDataset shards: tar files with the members of an encoded folder. Any item of any shard can be read at once.

Where the members lie is found by one pass over each tar's headers and kept beside it in `NAME.tar.index.json`.
"""

from __future__ import annotations

import io
import json
import logging
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from lmdm_train.checkpoint.files import write_atomically
from lmdm_train.data.crops import CropSource, Tensors
from lmdm_train.data.items import Item, ItemProblem, Shapes, describe
from lmdm_train.data.settings import DataSettings, Needs
from lmdm_train.errors import LmdmTrainError

LOG = logging.getLogger(__name__)
FORMAT = 1
LARGEST_JSON = 64 << 20
KINDS = ("safetensors", "npy")


@dataclass(frozen=True)
class Place:
    """Where an item lies: its shard, and offset and size of tensors and JSON in it."""

    shard: Path
    kind: str
    tensors: tuple[int, int]
    metadata: tuple[int, int]

    def bytes(self, span: tuple[int, int]) -> bytes:
        """The bytes of a member; raises ItemProblem when the shard has become shorter or cannot be read."""
        try:
            with self.shard.open("rb") as file:
                file.seek(span[0])
                content = file.read(span[1])
        except OSError as failure:
            raise ItemProblem(f"{self.shard.name} cannot be read ({failure.strerror})") from None
        if len(content) < span[1]:
            raise ItemProblem(f"{self.shard.name} ends before it does")
        return content


class ShardSource(CropSource):
    """All items of all `*.tar` in `settings.path`."""

    def __init__(self, settings: DataSettings, needs: Needs) -> None:
        shards = sorted(settings.path.glob("*.tar"))
        if not shards:
            raise LmdmTrainError(f"{settings.path} holds no shards (*.tar); write some with: lmdm data shard")
        self._places: dict[str, Place] = {}
        items: list[Item] = []
        problems: dict[str, str] = {}
        for shard in shards:
            found, damaged = read_index(shard)
            problems |= damaged
            for item, place in found:
                if item.id in self._places:
                    problems[f"{shard.name}/{item.id}"] = f"{self._places[item.id].shard.name} holds an item of that name already"
                    continue
                self._places[item.id] = place
                items.append(item)
        super().__init__(settings, needs, items, problems)

    def read(self, item: str) -> Tensors:
        place = self._places[item]
        content = place.bytes(place.tensors)
        try:
            if place.kind == "npy":
                return {"frames": torch.from_numpy(np.load(io.BytesIO(content), allow_pickle=False))}
            return load_safetensors(content)
        except (SafetensorError, ValueError, TypeError, EOFError, KeyError) as failure:
            raise ItemProblem(f"it cannot be read ({failure})") from None

    def metadata(self, item: str) -> dict[str, Any]:
        place = self._places[item]
        return _json(place.bytes(place.metadata))


def read_index(shard: Path) -> tuple[list[tuple[Item, Place]], dict[str, str]]:
    """Items of a shard with their places, and why others cannot be used; from the index beside it if that is of this very file."""
    state = shard.stat()
    mark = {"format": FORMAT, "size": state.st_size, "mtime_ns": state.st_mtime_ns}
    beside = shard.with_name(f"{shard.name}.index.json")
    try:
        content = json.loads(beside.read_text())
        if all(content[key] == value for key, value in mark.items()):
            return [_entry(shard, state.st_size, entry) for entry in content["items"]], dict(content["problems"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    found, problems = scan(shard)
    entries = [{"item": i.as_json(), "kind": p.kind, "tensors": p.tensors, "metadata": p.metadata} for i, p in found]
    try:
        write_atomically(beside, json.dumps({**mark, "items": entries, "problems": problems}).encode())
    except OSError as failure:
        LOG.warning("%s is read again every time: its index cannot be written (%s)", shard, failure.strerror)
    return found, problems


def _entry(shard: Path, size: int, entry: dict[str, Any]) -> tuple[Item, Place]:
    spans = [(int(entry[name][0]), int(entry[name][1])) for name in ("tensors", "metadata")]
    if entry["kind"] not in KINDS or any(start < 0 or length < 0 or start + length > size for start, length in spans):
        raise ValueError("not of this shard")
    return Item.from_json(entry["item"]), Place(shard, entry["kind"], *spans)


def scan(shard: Path) -> tuple[list[tuple[Item, Place]], dict[str, str]]:
    """Items of a shard by one pass over its headers, and why others cannot be used. A key ends at the first dot, as in WebDataset."""
    members: dict[str, dict[str, tuple[int, int]]] = {}
    problems: dict[str, str] = {}
    size = shard.stat().st_size
    try:
        with tarfile.open(shard, "r:") as tar:
            for member in tar:
                folder, _, name = member.name.rpartition("/")
                key, _, kind = name.partition(".")
                if member.isreg() and member.offset_data + member.size <= size:
                    members.setdefault(f"{folder}/{key}" if folder else key, {})[kind] = (member.offset_data, member.size)
    except (tarfile.TarError, OSError, ValueError) as failure:
        problems[shard.name] = f"it is not a whole tar file ({failure}); copy it or write it again"
    found = []
    with shard.open("rb") as file:
        for key, parts in sorted(members.items()):
            try:
                kind = next((kind for kind in KINDS if kind in parts), "")
                if not kind or "json" not in parts:
                    raise ItemProblem(f"it consists of {', '.join(sorted(parts))}, expected json and {' or '.join(KINDS)}")
                if parts["json"][1] > LARGEST_JSON:
                    raise ItemProblem(f"its JSON has {parts['json'][1]} bytes")
                file.seek(parts["json"][0])
                metadata = _json(file.read(parts["json"][1]))
                item = describe(key, _shapes(file, kind, *parts[kind]), metadata)
                found.append((item, Place(shard, kind, parts[kind], parts["json"])))
            except ItemProblem as problem:
                problems[f"{shard.name}/{key}"] = str(problem)
    return found, problems


def _shapes(file: BinaryIO, kind: str, start: int, size: int) -> Shapes:
    """Shapes of the tensors of a member, from its header alone."""
    file.seek(start)
    try:
        if kind == "npy":
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            if not np.issubdtype(dtype, np.floating):
                raise ItemProblem(f"it holds {dtype}, expected floating-point frames")
            return {"frames": shape}
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= min(size - 8, LARGEST_JSON):
            raise ItemProblem("its safetensors header is damaged")
        header = json.loads(file.read(length))
        return {key: tuple(int(n) for n in value["shape"]) for key, value in header.items() if key != "__metadata__"}
    except (ValueError, TypeError, KeyError, AttributeError, EOFError, RecursionError) as failure:
        raise ItemProblem(f"it cannot be read ({failure})") from None


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as failure:
        raise ItemProblem(f"its JSON is damaged ({failure})") from None
    if not isinstance(found, dict):
        raise ItemProblem(f"its JSON holds a {type(found).__name__}, expected an object")
    return found
