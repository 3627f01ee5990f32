"""Begins or resumes a run: its folder, its configuration and its processes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from lmdm_train.checkpoint.files import write_atomically
from lmdm_train.engine.config import flattened
from lmdm_train.engine.folder import states
from lmdm_train.engine.launch import launched
from lmdm_train.engine.loop import Loop
from lmdm_train.engine.randomness import derived_seed
from lmdm_train.engine.session import Outcome, Session, together
from lmdm_train.engine.settings import HARMLESS, RunSettings
from lmdm_train.engine.stage import Stage
from lmdm_train.errors import LmdmTrainError


@dataclass(frozen=True)
class RunPlan:
    """What is run and where.

    Attributes:
        stage: name of the stage, as in `lmdm train STAGE`.
        config: the resolved configuration as JSON values; its section `run` is `settings`.
        build: makes the stage; called on every process once torch is seeded.
        folder: `runs/NAME`; the product is `NAME.safetensors` in it.
        go_on: the command that resumes the run.
    """

    stage: str
    config: dict[str, Any]
    settings: RunSettings
    build: Callable[[], Stage]
    folder: Path
    go_on: str


@contextmanager
def begun(plan: RunPlan) -> Iterator[Loop]:
    """Context with the plan's stage on its processes, at step 0."""
    with launched(plan.settings) as fabric:
        yield _begin(plan, fabric)


def run(plan: RunPlan, *, resume: bool, quiet: bool = False) -> Outcome:
    """Train until the plan's steps or minutes are over, or a signal comes.

    Raises:
        LmdmTrainError: the folder holds another run, the configuration does not fit the run that is resumed, the disk is full
            at the end, or the losses are not finite.
    """
    with launched(plan.settings) as fabric:
        together(fabric, lambda: _prepare(plan, resume))
        session = Session(_begin(plan, fabric), plan.stage, plan.folder, plan.go_on, quiet=quiet)
        if resume:
            session.restore()
        _same_everywhere(session.loop)
        return session.run()


def _begin(plan: RunPlan, fabric: Fabric) -> Loop:
    torch.manual_seed(derived_seed("build", plan.settings.seed))
    return Loop(fabric, plan.build(), plan.settings)


def _same_everywhere(loop: Loop) -> None:
    """Raises LmdmTrainError on a process whose weights are not those of the first."""
    if loop.fabric.world_size == 1:
        return
    digest = hashlib.blake2b(digest_size=16)
    for _, value in sorted(loop.capture().tensors.items()):
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    mine = digest.hexdigest()
    first = loop.fabric.broadcast(mine)
    if mine != first:
        raise LmdmTrainError(
            f"process {loop.fabric.global_rank} starts from other weights than process 0; "
            "let all machines share the run's folder and use the same version of torch"
        )


def _prepare(plan: RunPlan, resume: bool) -> None:
    """Check that the folder is free, or holds the run that is resumed, and write the resolved configuration."""
    file = plan.folder / "config.json"
    started = file.exists() or bool(states(plan.folder / "state"))
    if started and not resume:
        raise LmdmTrainError(f"{plan.folder} already holds a run; go on with it by --resume, or choose another folder with -o")
    if resume:
        _same_run(plan)
    content = json.dumps({"stage": plan.stage, "config": plan.config}, indent=1) + "\n"
    try:
        write_atomically(file, content.encode())
    except OSError as failure:
        raise LmdmTrainError(
            f"{plan.folder} cannot be written ({(failure.strerror or str(failure)).lower()}); choose another with -o"
        ) from None


def configured(folder: Path) -> tuple[str, dict[str, Any]]:
    """Stage and configuration of the run in a folder; raises LmdmTrainError where there is none."""
    file = folder / "config.json"
    try:
        content = json.loads(file.read_text())
        return str(content["stage"]), dict(content["config"])
    except FileNotFoundError:
        raise LmdmTrainError(f"{folder} holds no run to go on with; leave out --resume to start one") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise LmdmTrainError(f"{file} does not say how the run was configured; start another run with -o") from None


def _same_run(plan: RunPlan) -> None:
    stage, before = configured(plan.folder)
    old = flattened(before)
    if stage != plan.stage:
        raise LmdmTrainError(f"{plan.folder} holds a run of lmdm train {stage}, found lmdm train {plan.stage}; choose another with -o")
    new = flattened(plan.config)
    harmless = {f"run.{name}" for name in HARMLESS}
    changed = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key) and key not in harmless]
    if changed:
        pairs = "; ".join(f"{key} was {old.get(key)!r}, now {new.get(key)!r}" for key in changed[:4])
        raise LmdmTrainError(f"the run in {plan.folder} was configured differently ({pairs}); undo the change or start another run with -o")
