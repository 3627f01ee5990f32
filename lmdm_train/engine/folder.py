"""A run's states on disk: `state/step-00001000/` with `tensors.safetensors` and `state.json`, complete or not there at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lmdm_train.engine.state import RunState
from lmdm_train.errors import LmdmTrainError

KEPT = 2
FORMAT = 1
PART = ".part"


def write_state(folder: Path, state: RunState, *, keep: int = KEPT) -> Path:
    """Write `state` (its facts name the step) beside the older ones, then remove all but the last `keep`.

    The new state gets its name only once it is whole and on the disk, so that a crash at any moment leaves the older ones.

    Raises:
        LmdmTrainError: the disk is full or the folder cannot be written; the older states are untouched.
    """
    target = folder / f"step-{state.facts['step']:08d}"
    part = folder / PART
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        tensors = part / "tensors.safetensors"
        save_file(_separate(state.tensors), tensors)
        facts = {"format": FORMAT, **state.facts, "sha256": _sha256(tensors)}
        (part / "state.json").write_text(json.dumps(facts, indent=1) + "\n")
        for path in (tensors, part / "state.json"):
            _sync(path)
        if target.exists():
            shutil.rmtree(target)
        part.replace(target)
        with contextlib.suppress(OSError):  # folders cannot be synced everywhere
            _sync(folder)
    except (OSError, SafetensorError) as failure:
        shutil.rmtree(part, ignore_errors=True)
        raise LmdmTrainError(
            f"the run's state could not be written to {folder} ({_reason(failure)}); free some space: older states there are kept"
        ) from None
    for old in states(folder)[keep:]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def states(folder: Path) -> list[Path]:
    """The states in a folder, newest first."""
    return sorted(folder.glob("step-*"), reverse=True)


def read_state(path: Path) -> RunState:
    """One state.

    Raises:
        LmdmTrainError: a file is missing, damaged, or from another version.
    """
    tensors = path / "tensors.safetensors"
    try:
        facts = json.loads((path / "state.json").read_text())
        if facts["format"] != FORMAT:
            raise LmdmTrainError(f"{path} has format {facts['format']}, expected {FORMAT}; resume with the version that wrote it")
        if _sha256(tensors) != facts["sha256"]:
            raise LmdmTrainError(f"{path} is damaged: its tensors are not those that were written")
        return RunState(load_file(tensors), facts)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as failure:
        raise LmdmTrainError(f"{path} is damaged ({_reason(failure)})") from None


def read_newest(folder: Path) -> tuple[RunState | None, list[str]]:
    """The newest state that can be read, or None where there is none, and a sentence about each one that could not be.

    Raises:
        LmdmTrainError: there are states, and none can be read.
    """
    complaints: list[str] = []
    for path in states(folder):
        try:
            return read_state(path), complaints
        except LmdmTrainError as failure:
            complaints.append(f"{failure}; going back to the state before it")
    if complaints:
        raise LmdmTrainError(f"no state in {folder} can be read: {complaints[0].partition(';')[0]}; start another run with -o")
    return None, complaints


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU and contiguous; what shares memory is copied, since a safetensors file holds no aliases."""
    seen: set[int] = set()
    separate: dict[str, Tensor] = {}
    for key, value in tensors.items():
        value = value.detach().cpu().contiguous()
        where = value.untyped_storage().data_ptr()
        separate[key] = value.clone() if where in seen else value
        seen.add(where)
    return separate


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    # A rename can reach the disk before the bytes it names do, unless they are sent there first.
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(failure: Exception) -> str:
    if isinstance(failure, OSError) and failure.strerror:
        return failure.strerror.lower()
    return (str(failure).rpartition("I/O error: ")[2].split("\n")[0][:120] or type(failure).__name__).lower()
