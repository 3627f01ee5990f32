"""What a published metric needs to run here, and the one sentence that says which of it is missing."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from lmdm_train.checkpoint.files import named, read_pickled, read_safetensors
from lmdm_train.errors import CheckpointError, LmdmTrainError

T = TypeVar("T")
Kind = Literal["package missing", "package broken", "weights missing", "weights wrong"]


class Unavailable(LmdmTrainError):
    """A metric cannot run on this machine; `kind` is the heading under which a table or JSON names it."""

    def __init__(self, kind: Kind, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


@dataclass(frozen=True)
class Package:
    """A Python module and what pip calls it."""

    module: str
    install: str

    def present(self) -> bool:
        """Whether it is installed; nothing is imported, since some of these take seconds."""
        return importlib.util.find_spec(self.module) is not None

    def version(self) -> str | None:
        """The installed version, or None."""
        with suppress(PackageNotFoundError):
            return version(re.split(r"[<>=\[ ]", self.install)[0])
        return None


@dataclass(frozen=True)
class Weights:
    """The file (or folder) of weights a metric reads: names it is looked for under, in order, and where people get it."""

    names: tuple[str, ...]
    source: str
    folder: bool = False

    def find(self, places: Path) -> Path | None:
        """The first of `names` in the folder `places`."""
        found = (places / name for name in self.names)
        return next((path for path in found if (path.is_dir() if self.folder else path.is_file())), None)


def require_packages(metric: str, packages: tuple[Package, ...]) -> None:
    """Raise Unavailable naming every package that is not installed."""
    absent = [package.install for package in packages if not package.present()]
    if absent:
        wanted = " ".join(f"'{name}'" if re.search(r"[<>=\[]", name) else name for name in absent)
        raise Unavailable("package missing", f"{metric} needs the package {' and '.join(absent)}, not installed; run: pip install {wanted}")


def require_weights(metric: str, wanted: Weights, given: Path | None, places: Path, sha256: str | None = None) -> Path:
    """The weights given, or found in `places`; their hash is checked where one is given.

    Raises:
        Unavailable: there are none, or they hash to something else.
    """
    path = given or wanted.find(places)
    kind = "folder" if wanted.folder else "file"
    if path is None:
        raise Unavailable(
            "weights missing",
            f"{metric} needs weights, {places} has no {kind} {' or '.join(wanted.names)}; get them from {wanted.source} "
            "and put them there, or name them with --weights",
        )
    if not (path.is_dir() if wanted.folder else path.is_file()):
        raise Unavailable("weights missing", f"{metric} needs weights, there is no {kind} {path}; get them from {wanted.source}")
    if sha256 is not None and (found := file_hash(path)) != sha256.lower():
        raise Unavailable("weights wrong", f"{path} has SHA-256 {found}, expected {sha256.lower()}; copy or download it again")
    return path


def file_hash(path: Path) -> str:
    """SHA-256 of a file; of a folder, of its weights file."""
    if path.is_dir():
        path = next((path / name for name in ("model.safetensors", "pytorch_model.bin") if (path / name).is_file()), path / "config.json")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a .safetensors file, or of a torch file opened with weights_only; Lightning's `state_dict` is unwrapped.

    Raises:
        Unavailable: unreadable, or it holds Python objects.
    """
    try:
        content: dict[str, Any] = dict(read_safetensors(path)) if path.suffix == ".safetensors" else read_pickled(path)
    except CheckpointError as failure:
        raise Unavailable("weights wrong", str(failure)) from None
    inner = content.get("state_dict")
    content = inner if isinstance(inner, dict) else content
    return {str(key): value for key, value in content.items() if isinstance(value, Tensor)}


def fit(module: nn.Module, tensors: dict[str, Tensor], path: Path, *, ignored: tuple[str, ...] = ()) -> None:
    """Load every tensor into `module`, leaving none of its own without a value; keys that start with one of `ignored` may be extra.

    Raises:
        Unavailable: a key is missing or unknown, or a shape differs.
    """
    own = module.state_dict()
    missing = [key for key in own if key not in tensors and not key.endswith("num_batches_tracked")]
    extra = [key for key in tensors if key not in own and not key.startswith(ignored)]
    other = [key for key in own if key in tensors and own[key].shape != tensors[key].shape]
    for keys, what in ((missing, "lacks"), (extra, "has the unknown"), (other, "has another shape for")):
        if keys:
            raise Unavailable("weights wrong", f"{path} {what} {named(keys)}; give the weights of {type(module).__name__}")
    module.load_state_dict({key: tensors.get(key, own[key]) for key in own})
    module.eval().requires_grad_(False)


def imported(package: Package, load: Callable[[], T]) -> T:
    """The result of `load`, which imports `package`.

    Raises:
        Unavailable: the package is there but does not import, as happens when it was written for other versions of torch.
    """
    try:
        return load()
    except (ImportError, AttributeError, OSError, RuntimeError) as failure:
        reason = str(failure).splitlines()[0][:120] if str(failure) else type(failure).__name__
        raise Unavailable(
            "package broken",
            f"{package.install} {package.version() or ''} does not import beside torch {torch.__version__} ({reason}); "
            "use another version of it",
        ) from None
