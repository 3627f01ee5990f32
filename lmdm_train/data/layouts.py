"""Finds pieces of music in a folder: Slakh2100 tracks, our rendered tracks, and loose audio files with sidecars."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lmdm_train.data.audio import SUFFIXES
from lmdm_train.data.music import Track

STEM_NAME = re.compile(r"[A-Za-z0-9_-]+")
RESERVED = ("report",)


@dataclass(frozen=True)
class Piece:
    """One piece of music on disk.

    Attributes:
        id: path below the folder without suffix, in posix form.
        mix: audio of the whole piece.
        metadata: what is known of it, `prompt` at least.
        stems: audio of each stem by name; their metadata stand in `metadata["stems"]`.
        dynamics: seed of the gain curve that is laid over it (`lmdm_train.data.dynamics`); None: as it is.
        version_of: id of the piece as it is, for one under a gain curve.
    """

    id: str
    mix: Path
    metadata: dict[str, Any]
    held_out: bool
    stems: dict[str, Path] = field(default_factory=dict)
    dynamics: int | None = None
    version_of: str | None = None


def find_pieces(root: Path, held_out_share: float = 0.0) -> tuple[list[Piece], list[tuple[str, str]]]:
    """All pieces below `root` in order of their ids, and (id, why) of tracks whose metadata cannot be read.

    Slakh tracks in folders named `validation` and `test` and every twelfth group of our seeds are held out; of loose files the share
    `held_out_share`, chosen by a hash of the id.
    """
    pieces: list[Piece] = []
    broken: list[tuple[str, str]] = []
    seen: set[Path] = set()
    for name, folders, files in os.walk(root, followlinks=True):
        folder = Path(name)
        # A link may lead back to where it stands.
        if folder.resolve() in seen:
            folders.clear()
            continue
        seen.add(folder.resolve())
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        relative = folder.relative_to(root).as_posix()
        known = {"metadata.json": _rendered, "metadata.yaml": _slakh}
        reader = next((known[file] for file in known if file in files and "mix.flac" in files), None)
        if reader is not None:
            folders.clear()
            track_id = folder.name if relative == "." else relative
            try:
                pieces.append(reader(track_id, folder))
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, yaml.YAMLError) as failure:
                broken.append((track_id, f"its metadata cannot be read ({_short(failure)})"))
            continue
        pieces += _loose(root, folder, sorted(files), held_out_share)
    return sorted(pieces, key=lambda piece: piece.id), broken


def _rendered(track_id: str, folder: Path) -> Piece:
    metadata = json.loads((folder / "metadata.json").read_text())
    track = Track(folder, metadata)
    metadata = {key: value for key, value in metadata.items() if key not in ("soundfont_sha256", "sample_rate")}
    metadata["stems"] = {str(name): dict(facts) for name, facts in metadata.get("stems", {}).items()}
    return Piece(track_id, folder / "mix.flac", {**metadata, "prompt": track.prompt}, track.held_out, _stems(folder, metadata))


def _slakh(track_id: str, folder: Path) -> Piece:
    content = yaml.safe_load((folder / "metadata.yaml").read_text())
    stems = {
        str(name): {key: facts[key] for key in ("inst_class", "midi_program_name", "program_num", "is_drum") if key in facts}
        for name, facts in content["stems"].items()
    }
    metadata = {"prompt": ", ".join(dict.fromkeys(_instrument(facts) for facts in stems.values())), "stems": stems}
    held_out = any(part in ("validation", "test") for part in track_id.split("/"))
    return Piece(track_id, folder / "mix.flac", metadata, held_out, _stems(folder, metadata))


def _instrument(facts: dict[str, Any]) -> str:
    return str(facts.get("midi_program_name") or facts.get("inst_class") or "instrument")


def _stems(folder: Path, metadata: dict[str, Any]) -> dict[str, Path]:
    names = [str(name) for name in metadata["stems"]]
    paths = {name: folder / "stems" / f"{name}.flac" for name in names if STEM_NAME.fullmatch(name)}
    return {name: path for name, path in sorted(paths.items()) if path.is_file()}


def _loose(root: Path, folder: Path, files: list[str], held_out_share: float) -> list[Piece]:
    pieces: list[Piece] = []
    taken = set(RESERVED)
    for file in files:
        path = folder / file
        if path.suffix.lower() not in SUFFIXES or file.startswith("."):
            continue
        item = path.relative_to(root).with_suffix("").as_posix()
        if item in taken:
            item = f"{item}-{path.suffix[1:].lower()}"
        taken.add(item)
        share = int.from_bytes(hashlib.sha256(item.encode()).digest()[:4], "big") / 2**32
        pieces.append(Piece(item, path, _sidecar(path), share < held_out_share))
    return pieces


def _sidecar(path: Path) -> dict[str, Any]:
    """Metadata of NAME.json or the prompt of NAME.txt beside the audio; otherwise the file's name is the prompt."""
    named = " ".join(re.split(r"[\s_]+", path.stem)).strip()
    try:
        found = json.loads(path.with_suffix(".json").read_text())
        if isinstance(found, dict):
            prompt = found.get("prompt") or found.get("caption") or found.get("text") or named
            return {**{key: value for key, value in found.items() if key != "stems"}, "prompt": str(prompt)}
    except (OSError, ValueError, RecursionError):
        pass
    try:
        return {"prompt": " ".join(path.with_suffix(".txt").read_text(errors="replace").split()) or named}
    except OSError:
        return {"prompt": named}


def _short(failure: BaseException) -> str:
    text = (str(failure).splitlines() or [""])[0][:120]
    return f"no {text}" if isinstance(failure, KeyError) else text or type(failure).__name__
