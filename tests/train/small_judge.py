"""A judge that is taught in a moment, by the stage that trains the real one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from lmdm_train.engine.launch import launch
from lmdm_train.engine.loop import Loop
from lmdm_train.engine.schedule import Cosine
from lmdm_train.engine.settings import RunSettings
from lmdm_train.evaluate.judge import Heard, Judge
from lmdm_train.stages.judge import JudgeConfig, JudgeSettings, JudgeStage


def taught(heard: Sequence[Heard], steps: int) -> Judge:
    """A judge after so many steps, in evaluation mode."""
    torch.manual_seed(0)
    settings = RunSettings(steps=steps, batch=48, accelerator="cpu", clip=0.0, schedule=Cosine(warm_up=0, last=0.0))
    config = JudgeConfig(run=settings, training=JudgeSettings(codec=Path("none")))
    stage = JudgeStage(list(heard), [], config)
    loop = Loop(launch(config.run), stage, config.run)
    for _ in range(steps):
        loop.advance()
    return stage.judge.eval()
