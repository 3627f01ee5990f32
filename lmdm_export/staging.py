"""A folder that appears whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from lmdm_export.errors import ExportError


def is_bundle(folder: Path) -> bool:
    """Whether a folder holds a manifest of ours, of whatever version."""
    try:
        return "format_version" in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def require_writable(target: Path, *, force: bool) -> None:
    """Refuse a target that would destroy something.

    Raises:
        ExportError: it is a file, a folder that is not a bundle, or a bundle and `force` is not set.
    """
    if not target.exists() and not target.is_symlink():
        return
    if target.is_symlink() or not target.is_dir():
        raise ExportError(f"{target} exists and is not a folder; choose another name for the bundle")
    if is_bundle(target):
        if not force:
            raise ExportError(f"{target} is a bundle already; replace it with --force, or choose another folder")
    elif any(target.iterdir()):
        raise ExportError(f"{target} exists and is not a bundle (it has no manifest.json of ours); choose another folder")


@contextmanager
def staged_folder(target: Path, *, force: bool = False) -> Iterator[Path]:
    """An empty folder beside `target` that takes its place at the end; gone after a failure, Ctrl-C or SIGTERM, `target` untouched.

    Raises:
        ExportError: as `require_writable`, or the disk is full or not writable.
    """
    require_writable(target, force=force)
    with replaced_folder(target) as staging:
        yield staging


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """The same for a folder of whatever kind, which is replaced where it is there.

    Raises:
        ExportError: the disk is full or not writable.
    """
    target = target.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as error:
        raise ExportError(f"{target.parent} cannot be written to ({_reason(error)}); choose another place with -o") from error
    try:
        umask = os.umask(0)
        os.umask(umask)
        staging.chmod(0o777 & ~umask)
        with unwound_when_terminated():
            yield staging
            _swap(staging, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG):
            raise ExportError(
                f"writing {target} failed ({_reason(error)}) and nothing was left behind; make room, or choose another place with -o"
            ) from error
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def unwound_when_terminated() -> Iterator[None]:
    """SIGTERM raises SystemExit here, so that it cleans up as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _swap(staging: Path, target: Path) -> None:
    if not target.exists():
        os.replace(staging, target)
        return
    old = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.old."))
    os.replace(target, old)
    try:
        os.replace(staging, target)
    except BaseException:
        os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
