"""The real stages under the engine: killed and resumed as any other, and the judge learns what can be heard."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from lmdm_train.engine import folder as folder_module
from lmdm_train.engine.launch import launch
from lmdm_train.engine.loop import Loop
from lmdm_train.engine.run import RunPlan, run
from lmdm_train.engine.settings import RunSettings
from lmdm_train.engine.stage import Stage
from lmdm_train.evaluate.judge import QUESTIONS, SAMPLE_RATE, Heard, accuracy, listen, load_judge
from lmdm_train.stages.judge import JudgeConfig, JudgeStage
from tests.train.engine_stages import ended, in_process, kill_here, left_behind
from tests.train.small_arc import small_stage
from tests.train.test_flow_stage import stage_of

SETTINGS = RunSettings(steps=6, batch=3, accumulate=2, save_every=2, ema=0.9, tensorboard=False, accelerator="cpu")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(folder_module, "_sync", lambda path: None)


def made(kind: str, killed_at: int | None) -> Stage:
    stage: Stage = small_stage() if kind == "arc" else stage_of("tiny-control")
    real = stage.losses

    def losses(phase, random):
        if random.step == killed_at and random.micro == 1:
            kill_here()
        return real(phase, random)

    stage.losses = losses
    return stage


def train(folder: Path, kind: str, *, killed_at: int | None = None, resume: bool = False) -> None:
    plan = RunPlan(kind, {"run": SETTINGS.model_dump(mode="json")}, SETTINGS, partial(made, kind, killed_at), folder, "")
    run(plan, resume=resume, quiet=True)


@pytest.mark.parametrize("kind", ["flow", "arc"])
def test_a_real_stage_that_is_killed_ends_as_the_unbroken_one(tmp_path, kind):
    whole, broken = tmp_path / "a" / "x", tmp_path / "b" / "x"
    train(whole, kind)
    assert ended(in_process(partial(train, broken, kind, killed_at=5))) == -signal.SIGKILL
    assert max((broken / "state").iterdir()).name == "step-00000004"
    train(broken, kind, resume=True)
    assert left_behind(broken) == left_behind(whole)


def heard(hz: float, answer: int, seed: int) -> Heard:
    rng = np.random.default_rng(seed)
    n = np.arange(4 * SAMPLE_RATE)
    audio = 0.2 * np.sin(2 * np.pi * hz * n / SAMPLE_RATE) + 0.02 * rng.standard_normal(len(n))
    return Heard(listen(torch.from_numpy(audio).float()[None])[0], dict.fromkeys(QUESTIONS, answer))


def test_the_judge_learns_what_can_be_heard_and_no_more(tmp_path):
    music = [heard(hz, answer, seed) for answer, hz in enumerate((220.0, 3000.0)) for seed in range(3)]
    quick = {"steps": 25, "batch": 12, "schedule": {"kind": "constant"}}
    config = JudgeConfig.model_validate({"run": quick, "training": {"codec": tmp_path / "codec.safetensors"}})
    torch.manual_seed(0)
    stage = JudgeStage(music, music, config)
    loop = Loop(launch(config.run), stage, config.run)
    while not loop.finished:
        loop.advance()
    stage.save(tmp_path / "judge.safetensors", None)
    judge = load_judge(tmp_path / "judge.safetensors")
    assert accuracy(judge, music)["style"] == 1.0
    swapped = [Heard(item.mel, dict.fromkeys(QUESTIONS, 1 - item.truth["style"])) for item in music]
    assert accuracy(judge, swapped)["style"] == 0.0
