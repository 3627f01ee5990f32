"""Tensor files: read without ever running code from them, written whole or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lmdm_train.errors import CheckpointError


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to a temporary file beside `path`, then move it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """One safetensors file."""
    write_atomically(path, save({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, dict(metadata)))


def read_safetensors(path: Path, prefix: str = "") -> dict[str, Tensor]:
    """The tensors of a safetensors file whose keys begin with `prefix`.

    Raises:
        CheckpointError: the file is missing, truncated or not a safetensors file.
    """
    _require(path)
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys() if key.startswith(prefix)}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file ({_short(error)}); copy or download it again") from error


def read_pickled(path: Path) -> dict[str, Any]:
    """The dictionary in a torch file, which may hold tensors and plain values only.

    Raises:
        CheckpointError: the file is missing, truncated, holds other objects, or holds no dictionary.
    """
    _require(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        forbidden = re.search(r"GLOBAL (\S+)", str(error))
        what = f"a Python object ({forbidden[1]})" if forbidden else "something that is no tensor, or is damaged,"
        raise CheckpointError(
            f"{path} holds {what} and was not opened; expected tensors and plain values: save it again as .safetensors where it was trained"
        ) from error
    except Exception as error:
        raise CheckpointError(f"{path} is not a whole torch file ({_short(error)}); copy or download it again") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, expected a dictionary of tensors or a Lightning checkpoint")
    return content


def _require(path: Path) -> None:
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint file {path}; check the path")


def _short(error: Exception) -> str:
    return str(error).split("\n")[0][:120] or type(error).__name__


def refuse_non_finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raise a `CheckpointError` that names the first tensors with NaN or infinite values."""
    bad = [key for key, value in tensors.items() if value.is_floating_point() and not value.is_meta and not bool(value.isfinite().all())]
    if bad:
        raise CheckpointError(f"{path} has NaN or infinite values in {named(bad)}; use an earlier checkpoint")


def named(keys: list[str], most: int = 4) -> str:
    """A few keys and how many more there are."""
    shown = ", ".join(sorted(keys)[:most])
    return shown if len(keys) <= most else f"{shown} and {len(keys) - most} more"
