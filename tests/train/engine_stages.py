"""Small stages, runs of them in processes that can be killed, and what a run leaves behind."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor, nn

from lmdm_train.engine.run import RunPlan, run
from lmdm_train.engine.schedule import Cosine
from lmdm_train.engine.session import Outcome
from lmdm_train.engine.settings import RunSettings
from lmdm_train.engine.stage import Stage, StepRandom
from lmdm_train.strict import Strict

QUICK: dict[str, Any] = {
    "steps": 12,
    "batch": 3,
    "save_every": 4,
    "ema": 0.9,
    "tensorboard": False,
    "schedule": Cosine(warm_up=3),
    "accelerator": "cpu",
}


class TinyConfig(Strict):
    """Configuration of either stage below."""

    run: RunSettings = RunSettings(**QUICK)
    width: int = Field(default=5, gt=0)


class OneNet(Stage):
    """Regression with dropout, running moments and a frozen layer, on data drawn from both generators."""

    averaged = "net"

    def __init__(self, width: int = 5, batch: int = 3) -> None:
        self.batch = batch
        self.net = nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.Tanh(), nn.Dropout(0.2), nn.Linear(width, 4))
        self.net[4].requires_grad_(False)
        self.hook: Callable[[StepRandom], None] = lambda random: None

    def modules(self) -> dict[str, nn.Module]:
        return {"net": self.net}

    def optimised(self, phase: str) -> str:
        return "net"

    def optimiser(self, name: str) -> torch.optim.Optimizer:
        return torch.optim.AdamW([p for p in self.net.parameters() if p.requires_grad], lr=1e-2)

    def losses(self, phase: str, random: StepRandom) -> dict[str, Tensor]:
        self.hook(random)
        x = torch.randn(self.batch, 4) + random.python.random()
        loss = (self.net(x) - x.flip(1)).square().mean()
        return {"loss": loss, "level": x.mean()}

    def save(self, path: Path, averaged: nn.Module | None) -> None:
        module = (averaged or self.net).eval()
        save_file({key: value.contiguous() for key, value in module.state_dict().items()}, path)


class TwoNets(OneNet):
    """A generator and a discriminator that take turns, on rollouts whose length all processes draw alike."""

    phases = ("generator", "discriminator")
    averaged = "generator"

    def __init__(self, width: int = 5, batch: int = 3) -> None:
        super().__init__(width, batch)
        self.judge = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 1))

    def modules(self) -> dict[str, nn.Module]:
        return {"generator": self.net, "discriminator": self.judge}

    def optimised(self, phase: str) -> str:
        return phase

    def optimiser(self, name: str) -> torch.optim.Optimizer:
        trained = [p for p in self.modules()[name].parameters() if p.requires_grad]
        return torch.optim.AdamW(trained, lr=1e-2 if name == "generator" else 2e-2, betas=(0.9, 0.95))

    def losses(self, phase: str, random: StepRandom) -> dict[str, Tensor]:
        self.hook(random)
        real = torch.randn(self.batch, 4) + random.python.random()
        fake = torch.randn(self.batch, 4)
        for _ in range(random.shared.randrange(1, 3)):
            fake = self.net(fake)
        apart = (self.judge(real) - self.judge(fake)).mean()
        if phase == "generator":
            return {"loss": nn.functional.softplus(apart)}
        return {"loss": nn.functional.softplus(-apart), "apart": apart}


STAGES: dict[str, type[OneNet]] = {"one": OneNet, "two": TwoNets}


def build_stage(config: TinyConfig, role: str) -> Stage:
    return STAGES.get(role, OneNet)(config.width, config.run.batch)


def plan(folder: Path, kind: str = "one", hook: Callable[[StepRandom], None] | None = None, **settings: Any) -> RunPlan:
    """A run of a small stage."""
    chosen = RunSettings(**{**QUICK, **settings})
    config = TinyConfig(run=chosen)

    def build() -> Stage:
        stage = STAGES[kind](config.width, chosen.batch)
        stage.hook = hook or stage.hook
        return stage

    return RunPlan(kind, config.model_dump(mode="json"), chosen, build, folder, f"lmdm train {kind} -o {folder} --resume")


def train(
    folder: Path, kind: str = "one", *, resume: bool = False, hook: Callable[[StepRandom], None] | None = None, **settings: Any
) -> Outcome:
    return run(plan(folder, kind, hook, **settings), resume=resume, quiet=True)


def in_process(work: Callable[[], object], environment: dict[str, str] | None = None) -> int:
    """Start `work` in a process of its own and return its id; its status is 0, 1 for an exception, or minus a signal."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.environ.update(environment or {})
        torch.set_num_threads(1)
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def ended(child: int) -> int:
    """Status of a process once it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_here() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def left_behind(folder: Path) -> dict[str, bytes]:
    """Product, newest state and log of a run; clocks are left out."""
    newest = max(folder.glob("state/step-*"))
    rows = [line.split(",") for line in (folder / "log.csv").read_text().splitlines()]
    clock = rows[0].index("elapsed")
    log = "\n".join(",".join(row[:clock] + row[clock + 1 :]) for row in rows)
    return {
        "product": (folder / f"{folder.name}.safetensors").read_bytes(),
        "state": (newest / "tensors.safetensors").read_bytes(),
        "step": newest.name.encode(),
        "log": log.encode(),
    }
