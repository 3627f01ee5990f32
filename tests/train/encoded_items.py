"""Encoded items whose every number says where it stands, so that a crop betrays where it was cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from lmdm_train.control import LoudnessControl
from lmdm_train.data.settings import DataSettings, Needs

CHANNELS = 3
LOUDNESS = LoudnessControl()
NEEDS = Needs(channels=CHANNELS, sample_rate=44_100, frame_size=2048, seconds=2.0)
SKETCHED = Needs(channels=CHANNELS, sample_rate=44_100, frame_size=2048, seconds=2.0, sketches={"loudness": LOUDNESS})


def marked(code: int, length: int, rows: int = CHANNELS) -> torch.Tensor:
    """[rows, length]: row r of column n holds code * 10,000 + r * 1,000 + n."""
    return code * 10_000.0 + 1_000.0 * torch.arange(rows)[:, None] + torch.arange(length)[None, :]


def write_ours(folder: Path, item: str, code: int, length: int = 40, stems: tuple[str, ...] = (), **facts: Any) -> Path:
    """One item of our format; stem i has the code `code` + 1 + i and the sum of the others that + 50."""
    tensors = {"frames": marked(code, length), "features.loudness": marked(code + 90, length, 1)}
    for index, stem in enumerate(stems):
        tensors[f"stem.{stem}.frames"] = marked(code + 1 + index, length)
        tensors[f"stem.{stem}.rest"] = marked(code + 51 + index, length)
        tensors[f"stem.{stem}.features.loudness"] = marked(code + 91 + index, length, 1)
    metadata = {
        "prompt": f"prompt of {item}",
        "seconds_total": length * 2048 / 44_100,
        "held_out": False,
        "codec": "aaaa",
        "features": {"loudness": LOUDNESS.model_dump(mode="json")},
        "stems": {stem: {"midi_program_name": f"instrument {stem}", "silence_ratio": 0.0} for stem in stems},
    }
    path = folder / f"{item}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    path.with_suffix(".json").write_text(json.dumps(metadata | facts))
    return path


def write_released(folder: Path, item: str, code: int, length: int = 40, **facts: Any) -> Path:
    """One item of the released layout."""
    path = folder / f"{item}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, marked(code, length).numpy())
    path.with_suffix(".json").write_text(json.dumps({"prompt": f"prompt of {item}", "sample_rate": 44_100} | facts))
    return path


def settings(folder: Path, **values: Any) -> DataSettings:
    return DataSettings(path=folder, **values)


def code_and_start(crop: torch.Tensor) -> tuple[int, int]:
    """The code of the item that a crop [rows, L] was cut from and its first frame; fails unless it is one whole crop."""
    code, start = divmod(int(crop[0, 0]), 10_000)
    assert torch.equal(crop, marked(code, start + crop.shape[1], crop.shape[0])[:, start:])
    return code, start
