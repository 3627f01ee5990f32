"""Judge stage: trains the small judge of captions, by which prompt following is measured."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import Field
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from lmdm_train.codec.files import load_codec
from lmdm_train.data.music import find_tracks
from lmdm_train.engine.schedule import Cosine
from lmdm_train.engine.settings import RunSettings
from lmdm_train.engine.stage import Stage, StepRandom
from lmdm_train.evaluate.judge import HOP, QUESTIONS, SAMPLE_RATE, SECONDS, Heard, Judge, accuracy, hear, save_judge
from lmdm_train.strict import Strict


class JudgeSettings(Strict):
    """Rendered tracks, the codec whose colour the judge must know, and how it is trained."""

    music: Path = Path("data/music")
    codec: Path
    learning_rate: float = Field(default=2e-3, gt=0)
    noise: float = Field(default=0.1, ge=0)
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)


class JudgeConfig(Strict):
    """Configuration of `lmdm train judge`."""

    run: RunSettings = RunSettings(steps=600, batch=48, schedule=Cosine(warm_up=0, last=0.0), clip=0.0)
    training: JudgeSettings


def build_stage(config: JudgeConfig, role: str = "judge") -> JudgeStage:
    """The stage of a configuration, with its tracks heard; raises LmdmTrainError where codec or tracks are missing."""
    codec, tracks = load_codec(config.training.codec), find_tracks(config.training.music)
    console = Console(stderr=True)
    heard = [
        (item, one.held_out)
        for one in track(tracks, "listening", console=console, transient=True, disable=not console.is_terminal)
        for item in hear([one], codec)
    ]
    return JudgeStage([item for item, held_out in heard if not held_out], [item for item, held_out in heard if held_out], config)


class JudgeStage(Stage):
    """Cross-entropy on random three-second windows, summed over the questions."""

    def __init__(self, heard: list[Heard], held_out: list[Heard], config: JudgeConfig) -> None:
        self.judge, self.heard, self.held_out, self.config = Judge(), heard, held_out, config

    def modules(self) -> dict[str, nn.Module]:
        return {"judge": self.judge}

    def optimised(self, phase: str) -> str:
        return "judge"

    def optimiser(self, name: str) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.judge.parameters(), lr=self.config.training.learning_rate, weight_decay=0.05)

    def losses(self, phase: str, random: StepRandom) -> dict[str, Tensor]:
        settings, length = self.config.training, int(SECONDS * SAMPLE_RATE / HOP) - 1
        chosen = random.python.choices(self.heard, k=self.config.run.batch)
        starts = [random.python.randrange(item.mel.shape[1] - length) for item in chosen]
        device = next(self.judge.parameters()).device
        mel = torch.stack([item.mel[:, start : start + length] for item, start in zip(chosen, starts, strict=True)]).to(device)
        logits = self.judge(mel + settings.noise * torch.randn_like(mel))
        truth = {name: torch.tensor([item.truth[name] for item in chosen], device=device) for name in QUESTIONS}
        losses = [nn.functional.cross_entropy(logits[name], truth[name], label_smoothing=settings.label_smoothing) for name in QUESTIONS]
        return {"loss": torch.stack(losses).sum()}

    def save(self, path: Path, averaged: nn.Module | None) -> None:
        """The judge, with its accuracy on the held-out tracks beside it."""
        judge = Judge()
        judge.load_state_dict({key: value.cpu() for key, value in self.judge.state_dict().items()})
        judge.eval()
        save_judge(path, judge, accuracy(judge, self.held_out) if self.held_out else {})
