"""A small judge of prompts: hears three seconds and names style, lead, chords, bass and drums. Trained on captions of real pieces."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lmdm_train.codec.base import Codec
from lmdm_train.codec.spectral_bank import mel_bands
from lmdm_train.data.music import Track
from lmdm_train.data.styles import PROGRAM_NAMES, STYLES
from lmdm_train.errors import LmdmTrainError

SAMPLE_RATE, WINDOW, HOP, BINS, SECONDS = 44_100, 2048, 1024, 72, 3.0
INSTRUMENTS = ("none", *PROGRAM_NAMES.values())
QUESTIONS: dict[str, tuple[str, ...]] = {
    "style": tuple(style.name for style in STYLES),
    "lead": INSTRUMENTS,
    "chords": INSTRUMENTS,
    "bass": INSTRUMENTS,
    "drums": ("none", "drums"),
}


def answers(metadata: dict[str, Any]) -> dict[str, str]:
    """What is true of a piece, by question."""
    named = {stem["inst_class"]: stem["midi_program_name"] for stem in metadata["stems"].values()}
    return {"style": metadata["style"], **{role: named.get(role, "none") for role in ("lead", "chords", "bass", "drums")}}


def listen(audio: Tensor) -> Tensor:
    """Mono audio [B, samples] -> log-mel [B, BINS, time], its level removed, since loudness says nothing about a prompt."""
    window = torch.hann_window(WINDOW)
    power = torch.stft(audio, WINDOW, HOP, window=window, center=False, return_complex=True)[:, :-1].abs().square()
    mel = torch.from_numpy(mel_bands(WINDOW // 2, SAMPLE_RATE, BINS))
    logs = torch.log10(mel @ power + 1e-6)
    return logs - logs.mean(dim=(1, 2), keepdim=True)


class Judge(nn.Module):
    """Convolutions over time on log-mel, pooled, and one linear answer to each question."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv1d(BINS, width, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(width, width, 5, stride=2, padding=2),
            nn.GELU(),
            nn.Conv1d(width, width, 5, stride=2, padding=2),
            nn.GELU(),
        )
        self.heads = nn.ModuleDict({name: nn.Linear(2 * width, len(choices)) for name, choices in QUESTIONS.items()})

    def features(self, mel: Tensor) -> Tensor:
        """[B, BINS, time] -> the last hidden layer [B, 2 * width]."""
        hidden = self.trunk(mel)
        return torch.cat([hidden.mean(dim=2), hidden.amax(dim=2)], dim=1)

    def forward(self, mel: Tensor) -> dict[str, Tensor]:
        """[B, BINS, time] -> logits by question."""
        features = self.features(mel)
        return {name: head(features) for name, head in self.heads.items()}

    @torch.no_grad()
    def probabilities(self, audio: Tensor) -> dict[str, Tensor]:
        """Mono audio [B, samples] at SAMPLE_RATE -> probabilities [B, choices] by question."""
        return {name: logits.softmax(dim=1) for name, logits in self(listen(audio)).items()}

    @torch.no_grad()
    def answer(self, audio: Tensor) -> list[dict[str, str]]:
        """Mono audio [B, samples] at SAMPLE_RATE -> the likeliest answers, item by item."""
        logits = self(listen(audio))
        return [{name: QUESTIONS[name][int(logits[name][row].argmax())] for name in QUESTIONS} for row in range(audio.shape[0])]


@dataclass(frozen=True)
class Heard:
    """Log-mel of a whole piece and its answers as indices."""

    mel: Tensor
    truth: dict[str, int]


def hear(tracks: Sequence[Track], codec: Codec, progress: Callable[[int], None] = lambda done: None) -> list[Heard]:
    """Each track twice: as recorded, and through the codec, so that the judge knows the codec's colour."""
    heard = []
    for index, track in enumerate(tracks):
        audio = torch.from_numpy(track.mix(SAMPLE_RATE))
        audio = audio[None, : len(audio) // codec.frame_size * codec.frame_size]
        truth = {name: QUESTIONS[name].index(value) for name, value in answers(track.metadata).items()}
        with torch.no_grad():
            coded = codec.decode(codec.encode(audio[:, None]))[:, 0]
        heard += [Heard(listen(version)[0], truth) for version in (audio, coded)]
        progress(index + 1)
    return heard


def accuracy(judge: Judge, heard: Sequence[Heard]) -> dict[str, float]:
    """Share of right answers over consecutive three-second windows, by question."""
    length, right, total = int(SECONDS * SAMPLE_RATE / HOP) - 1, dict.fromkeys(QUESTIONS, 0), 0
    for item in heard:
        windows = torch.stack([item.mel[:, at : at + length] for at in range(0, item.mel.shape[1] - length, length)])
        with torch.no_grad():
            logits = judge(windows)
        for name in QUESTIONS:
            right[name] += int((logits[name].argmax(dim=1) == item.truth[name]).sum())
        total += len(windows)
    return {name: count / total for name, count in right.items()}


def save_judge(path: Path, judge: Judge, measured: dict[str, float]) -> None:
    """Weights in half precision, and how well the judge does on held-out pieces beside them; each file written atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file({key: value.half().contiguous() for key, value in judge.state_dict().items()}, part)
    os.replace(part, path)
    part.write_text(
        json.dumps({"held_out_accuracy": {k: round(v, 3) for k, v in measured.items()}, "questions": QUESTIONS}, indent=1) + "\n"
    )
    os.replace(part, path.with_suffix(".json"))


def load_judge(path: Path) -> Judge:
    """A judge written by `save_judge`; raises LmdmTrainError when the file is missing, corrupt or of another shape."""
    judge = Judge()
    try:
        judge.load_state_dict({key: value.float() for key, value in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as failure:
        raise LmdmTrainError(f"{path} is not a readable judge ({str(failure).splitlines()[0]}); make one with: lmdm train judge") from None
    return judge.eval()
