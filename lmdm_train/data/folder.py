"""Draws from a folder of encoded items: ours (`.safetensors`) and the released layout (`.npy`), each with its JSON beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from lmdm_train.checkpoint.files import read_safetensors
from lmdm_train.data.crops import CropSource, Tensors
from lmdm_train.data.items import Item, ItemProblem, Shapes, describe
from lmdm_train.data.settings import DataSettings, Needs
from lmdm_train.errors import CheckpointError, LmdmTrainError

SUFFIXES = (".safetensors", ".npy")
FILE_LIST = "filelist.txt"


class FolderSource(CropSource):
    """All items below `settings.path`, or those that its filelist.txt names."""

    def __init__(self, settings: DataSettings, needs: Needs) -> None:
        if not settings.path.is_dir():
            raise LmdmTrainError(f"there is no folder {settings.path}; make it with: lmdm data encode")
        items, problems = list_items(settings.path)
        self._paths = {item.id: path for item, path in items}
        super().__init__(settings, needs, [item for item, _ in items], problems)

    def read(self, item: str) -> Tensors:
        path = self._paths[item]
        try:
            if path.suffix == ".npy":
                return {"frames": torch.from_numpy(np.load(path, allow_pickle=False))}
            return read_safetensors(path)
        except (CheckpointError, OSError, ValueError, TypeError, EOFError) as failure:
            raise ItemProblem(f"it cannot be read ({_short(failure)})") from None

    def metadata(self, item: str) -> dict[str, Any]:
        return read_metadata(self._paths[item].with_suffix(".json"))


def list_items(root: Path) -> tuple[list[tuple[Item, Path]], dict[str, str]]:
    """Items of a folder with their tensor files in order of their ids, and why other files are not items."""
    found: dict[str, tuple[Item, Path]] = {}
    problems: dict[str, str] = {}
    for path in _listed(root, problems):
        item = path.relative_to(root).with_suffix("").as_posix()
        try:
            if item in found:
                raise ItemProblem("it is there both as .safetensors and as .npy")
            found[item] = (describe(item, read_shapes(path), read_metadata(path.with_suffix(".json"))), path)
        except ItemProblem as problem:
            problems[path.relative_to(root).as_posix()] = str(problem)
    return [found[item] for item in sorted(found)], problems


def _listed(root: Path, problems: dict[str, str]) -> list[Path]:
    """Tensor files in a fixed order. A path that leads out of the folder is a problem, whoever wrote the list."""
    listing = root / FILE_LIST
    if not listing.is_file():
        found = [Path(folder) / file for folder, _, files in os.walk(root, followlinks=True) for file in files]
        return sorted(path for path in found if path.suffix in SUFFIXES and not path.name.startswith("."))
    paths = []
    for line in listing.read_text(errors="replace").splitlines():
        name = line.strip()
        if not name:
            continue
        path = Path(os.path.normpath(root / name))
        if not path.is_relative_to(os.path.normpath(root)):
            problems[name] = f"{FILE_LIST} names it, and it lies outside of the folder"
        elif path.suffix not in SUFFIXES or not path.is_file():
            problems[name] = f"{FILE_LIST} names it, and there is no such {' or '.join(SUFFIXES)} file"
        else:
            paths.append(root / path.relative_to(os.path.normpath(root)))
    return sorted(set(paths))


def read_shapes(path: Path) -> Shapes:
    """Shapes of the tensors of a file, without reading them; raises ItemProblem."""
    try:
        if path.suffix == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            if not np.issubdtype(array.dtype, np.floating):
                raise ItemProblem(f"it holds {array.dtype}, expected floating-point frames")
            return {"frames": array.shape}
        with safe_open(path, framework="pt") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError, TypeError, EOFError) as failure:
        raise ItemProblem(f"it cannot be read ({_short(failure)})") from None


def read_metadata(path: Path) -> dict[str, Any]:
    """The JSON object of an item; raises ItemProblem."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise ItemProblem(f"there is no {path.name} beside it (an interrupted lmdm data encode goes on when it is run again)") from None
    except (OSError, ValueError, RecursionError) as failure:
        raise ItemProblem(f"{path.name} is not JSON ({_short(failure)})") from None
    if not isinstance(content, dict):
        raise ItemProblem(f"{path.name} holds a {type(content).__name__}, expected an object")
    return content


def _short(failure: BaseException) -> str:
    return (str(failure).splitlines() or [""])[0][:120].rstrip(".") or type(failure).__name__
