"""Our format of encoded music: `<id>.safetensors` beside `<id>.json`.

Tensors: `frames` [C, N], `features.KIND` [F, N]; for each stem NAME `stem.NAME.frames`, `stem.NAME.rest` (the sum of all other stems,
encoded) and `stem.NAME.features.KIND`. The JSON is written last: an item is there when its JSON is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmdm_train.checkpoint.files import write_atomically, write_tensors
from lmdm_train.data.audio import AudioProblem, clipped_share, is_silent, read_audio, silence_ratio
from lmdm_train.data.dynamics import gain_curve
from lmdm_train.data.encoder import Encoder, same_analysis
from lmdm_train.data.layouts import Piece

FORMAT = 1


def item_files(folder: Path, item: str) -> tuple[Path, Path]:
    """Tensors and metadata of an item; ids may hold dots and slashes."""
    return folder / f"{item}.safetensors", folder / f"{item}.json"


def encode_piece(piece: Piece, encoder: Encoder, *, stems: bool, least_seconds: float) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata of one piece.

    Raises:
        AudioProblem: it cannot be used, and why.
    """
    rate, size, channels = encoder.codec.sample_rate, encoder.codec.frame_size, encoder.codec.audio_channels
    mix = read_audio(piece.mix, rate, channels)
    count = mix.shape[1] // size
    if count == 0 or mix.shape[1] < least_seconds * rate:
        raise AudioProblem(
            "too short", f"{piece.mix.name} lasts {mix.shape[1] / rate:.2f} s, expected {max(least_seconds, size / rate):.2f} s"
        )
    gain = None if piece.dynamics is None else gain_curve(piece.dynamics, mix.shape[1], rate)
    if gain is not None:
        mix *= gain
    if is_silent(mix):
        raise AudioProblem("silent", f"{piece.mix.name} is silent throughout")
    whole = mix[:, : count * size]
    tensors = _tensors(encoder, whole, "")
    metadata = piece.metadata | {
        "sample_rate": rate,
        "seconds_total": mix.shape[1] / rate,
        "frames": count,
        "held_out": piece.held_out,
        "silence_ratio": silence_ratio(whole, size),
        "clipped_share": clipped_share(mix),
    }
    if stems and piece.stems:
        more, about, problems = _encode_stems(piece, encoder, count * size, gain)
        tensors |= more
        facts = piece.metadata.get("stems", {})
        metadata["stems"] = {name: dict(facts.get(name) or {}) | about.get(name, {}) for name in facts}
        metadata["stem_problems"] = problems
    if not all(bool(value.isfinite().all()) for value in tensors.values()):
        raise AudioProblem("corrupt", f"{piece.mix.name} gives frames that are not finite with this codec")
    return tensors, metadata


def _encode_stems(
    piece: Piece, encoder: Encoder, samples: int, gain: np.ndarray | None
) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, str]]:
    audio: dict[str, np.ndarray] = {}
    problems: dict[str, str] = {}
    for name, path in piece.stems.items():
        try:
            read = read_audio(path, encoder.codec.sample_rate, encoder.codec.audio_channels)[:, :samples]
            if is_silent(read):
                raise AudioProblem("silent", f"{path.name} is silent throughout")
            if gain is not None:
                read *= gain[: read.shape[1]]
            audio[name] = np.pad(read, ((0, 0), (0, samples - read.shape[1])))
        except AudioProblem as problem:
            problems[name] = str(problem)
    tensors: dict[str, Tensor] = {}
    for name, own in audio.items():
        tensors |= _tensors(encoder, own, f"stem.{name}.")
        others = [value for other, value in audio.items() if other != name]
        if others:
            tensors[f"stem.{name}.rest"] = encoder.frames(torch.from_numpy(np.sum(others, axis=0, dtype=np.float32))).half()
    size = encoder.codec.frame_size
    return tensors, {name: {"encoded": True, "silence_ratio": silence_ratio(own, size)} for name, own in audio.items()}, problems


def _tensors(encoder: Encoder, audio: np.ndarray, prefix: str) -> dict[str, Tensor]:
    samples = torch.from_numpy(np.ascontiguousarray(audio))
    made = {f"{prefix}features.{kind}": value.half() for kind, value in encoder.features(samples).items()}
    return {f"{prefix}frames": encoder.frames(samples).half()} | made


def stamp(piece: Piece, encoder: Encoder, *, stems: bool) -> dict[str, Any]:
    """What decides whether an encoded item is still that of this piece: sources, codec, features."""
    sources = [piece.mix, *(piece.stems.values() if stems else ())]
    curve = {} if piece.dynamics is None else {"dynamics": piece.dynamics}
    return curve | {
        "format": FORMAT,
        "codec": encoder.hash,
        "features": {kind: control.model_dump(mode="json") for kind, control in encoder.sketches.items()},
        "bytes": {path.name: path.stat().st_size for path in sources},
    }


def current(there: Mapping[str, Any], mark: Mapping[str, Any], encoder: Encoder) -> bool:
    """Whether an item that is there was made by the same codec and analysis from files of the same sizes, under the same curve."""
    rate, size = encoder.codec.sample_rate, encoder.codec.frame_size
    features, sources = there.get("features"), there.get("bytes")
    if (
        there.get("format") != FORMAT
        or there.get("codec") != encoder.hash
        or ("dynamics" in mark and there.get("dynamics") != mark["dynamics"])
        or not isinstance(features, dict)
        or not isinstance(sources, dict)
    ):
        return False
    return mark["bytes"].items() <= sources.items() and all(
        isinstance(features.get(kind), dict) and same_analysis(features[kind], control, rate, size)
        for kind, control in encoder.sketches.items()
    )


def refreshed(there: Mapping[str, Any], piece: Piece) -> dict[str, Any]:
    """Metadata of an item that is there, with what its piece says today: prompts are edited more often than audio."""
    facts = piece.metadata.get("stems") or {}
    stems = {name: {**(there.get("stems") or {}).get(name, {}), **(facts.get(name) or {})} for name in facts}
    return {**there, **piece.metadata, "held_out": piece.held_out, **({"stems": stems} if stems else {})}


def stored_metadata(folder: Path, item: str) -> dict[str, Any] | None:
    """Metadata of an item that is there as a whole; None where it is not."""
    tensors, facts = item_files(folder, item)
    try:
        found = json.loads(facts.read_text())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and tensors.is_file() else None


def write_metadata(folder: Path, item: str, metadata: Mapping[str, Any]) -> None:
    """Write the JSON of an item."""
    write_atomically(item_files(folder, item)[1], (json.dumps(metadata, indent=1, sort_keys=True) + "\n").encode())


def write_item(folder: Path, item: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write an item, its JSON last; what stood there before is never taken for the new one."""
    weights, facts = item_files(folder, item)
    facts.unlink(missing_ok=True)
    write_tensors(weights, tensors, {"format": "lmdm-encoded"})
    write_metadata(folder, item, metadata)
