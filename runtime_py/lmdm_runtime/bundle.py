"""A bundle on disk: opened once, with every file held against its hash and every stated shape against the model's sizes."""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
from numpy.typing import NDArray

from lmdm_runtime.contract import require_contract
from lmdm_runtime.errors import BundleError
from lmdm_runtime.manifest import FileEntry, GraphEntry, Manifest, read_manifest

EXPORT_AGAIN = "export the checkpoint again with lmdm export"
# What zipfile and numpy raise over damaged and over hostile archives, such as a shape that no memory holds.
_NO_ARRAYS = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


@dataclass(frozen=True)
class Bundle:
    """A checked folder. Paths given to its methods are those of the manifest."""

    folder: Path
    manifest: Manifest

    def path(self, name: str) -> Path:
        """Where a file of the manifest lies."""
        return inside(self.folder, name)

    def graph_path(self, graph: str) -> Path:
        return self.path(self.manifest.graphs[graph].file)

    def arrays(self, name: str) -> dict[str, NDArray]:
        """The arrays of an npz file of the bundle.

        Raises:
            BundleError: it is no npz file.
        """
        try:
            with np.load(self.path(name), allow_pickle=False) as loaded:
                return {key: loaded[key] for key in loaded.files}
        except _NO_ARRAYS as error:
            why = str(error) or type(error).__name__
            raise BundleError(f"{self.folder / name} holds no readable arrays ({why}); {EXPORT_AGAIN}") from error


def load_bundle(path: str | Path) -> Bundle:
    """Opens a bundle and checks all of it, weights included.

    Raises:
        BundleError: not a folder, no or a bad manifest, a file that is missing, changed or outside of the folder, or a graph whose stated
            inputs and outputs are not those of the model that the manifest describes.
    """
    folder = Path(path)
    if not folder.exists():
        raise BundleError(f"there is no bundle at {folder}; write one with lmdm export")
    if not folder.is_dir():
        raise BundleError(f"{folder} is a file, expected the folder of a bundle; write one with lmdm export")
    manifest = read_manifest(folder / "manifest.json")
    listed = {entry.path: entry for entry in manifest.files}
    for entry in listed.values():
        _require_unchanged(folder, entry)
    for name, user in _references(manifest):
        inside(folder, name)
        if name not in listed:
            raise BundleError(f"{folder / name} is used by {user} but is not in the manifest's list of files; {EXPORT_AGAIN}")
    for graph in _graph_files(manifest):
        if listed[graph.file].sha256 != graph.sha256:
            raise BundleError(
                f"{folder / graph.file} has SHA-256 {listed[graph.file].sha256[:12]}…, expected {graph.sha256[:12]}… "
                f"for graph {graph.name}; {EXPORT_AGAIN}"
            )
    require_contract(manifest)
    return Bundle(folder, manifest)


def inside(folder: Path, name: str) -> Path:
    """The file `name` of a bundle.

    Raises:
        BundleError: the path, links followed, leaves the folder.
    """
    pure = PurePosixPath(name)
    absolute = pure.is_absolute() or PureWindowsPath(name).drive != "" or "\\" in name
    path = folder / pure
    try:
        leaves = absolute or ".." in pure.parts or not path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle, or a name that no file system takes
        leaves = True
    if leaves:
        raise BundleError(f"the manifest of {folder} names {name!r}, which lies outside of the bundle; do not use this bundle")
    return path


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_unchanged(folder: Path, entry: FileEntry) -> None:
    path = inside(folder, entry.path)
    try:
        if not path.is_file():
            raise BundleError(f"{path} is missing; copy the bundle again, or {EXPORT_AGAIN}")
        size = path.stat().st_size
        if size != entry.bytes:
            raise BundleError(f"{path} has {size} bytes, expected {entry.bytes}; copy the bundle again, or {EXPORT_AGAIN}")
        found = sha256_of(path)
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if found != entry.sha256:
        raise BundleError(f"{path} has SHA-256 {found[:12]}…, expected {entry.sha256[:12]}…; copy the bundle again, or {EXPORT_AGAIN}")


def _graph_files(manifest: Manifest) -> list[GraphEntry]:
    return [graph for entry in manifest.graphs.values() for graph in entry.files]


def _references(manifest: Manifest) -> list[tuple[str, str]]:
    """Every file that some part of the manifest uses, and that part's name."""
    used = [(graph.file, f"graph {graph.name}") for graph in _graph_files(manifest)]
    used += [(fixture.file, f"fixture {name}") for name, fixture in manifest.fixtures.items()]
    if manifest.text is not None:
        used.append((manifest.text.tokenizer, "the tokenizer"))
    if manifest.sketch is not None:
        used.append((manifest.sketch.states, "the sketch"))
    for side, streaming in (("encoder", manifest.codec.encoder), ("decoder", manifest.codec.decoder)):
        if streaming.states is not None:
            used.append((streaming.states, f"the codec {side}"))
    return used
