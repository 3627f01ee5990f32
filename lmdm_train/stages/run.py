"""From the command line of a stage to its run."""

from __future__ import annotations

import importlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from lmdm_train.engine.config import read_config, validated
from lmdm_train.engine.dry import dry_run
from lmdm_train.engine.run import RunPlan, begun, configured, run

STAGES = {
    "codec": ("lmdm_train.stages.codec", "CodecConfig"),
    "base": ("lmdm_train.flow.stage", "FlowConfig"),
    "finetune": ("lmdm_train.flow.stage", "FlowConfig"),
    "warm-start": ("lmdm_train.flow.stage", "FlowConfig"),
    "arc": ("lmdm_train.arc.stage", "ArcConfig"),
    "judge": ("lmdm_train.stages.judge", "JudgeConfig"),
}
"""Module and configuration of each stage; the module's `build_stage(config, role)` makes it."""


def train_stage(
    stage: str,
    config: str | None,
    overrides: Sequence[str],
    folder: Path,
    *,
    resume: bool,
    dry: bool,
    as_json: bool,
) -> int | None:
    """Run a stage, or try it out; returns the exit status of a run that a signal stopped.

    Without `config` it is the recipe `default/STAGE`, or that of the run that is resumed.

    Raises:
        LmdmTrainError: the configuration, the files that it names or the run's folder are not as they should be.
    """
    plan = _plan(stage, config, overrides, folder, resume=resume)
    if dry:
        _dry(plan, as_json)
        return None
    outcome = run(plan, resume=resume, quiet=as_json)
    facts = {
        "folder": str(folder),
        "product": str(outcome.product),
        "step": outcome.step,
        "steps": outcome.steps,
        "losses": outcome.losses,
        "seconds": round(outcome.seconds, 1),
        "stopped_by": outcome.signal,
    }
    if outcome.main:
        if as_json:
            click.echo(json.dumps(facts))
        else:
            losses = ", ".join(f"{phase} {loss:.4f}" for phase, loss in outcome.losses.items()) or "none in this session"
            click.echo(f"{outcome.product}: step {outcome.step} of {outcome.steps}, mean loss of the last steps: {losses}")
    # A process beside the first must not fail, or the launcher would stop the first while it still writes.
    return 128 + outcome.signal if outcome.signal is not None and outcome.main else None


def _plan(stage: str, config: str | None, overrides: Sequence[str], folder: Path, *, resume: bool) -> RunPlan:
    module_name, config_name = STAGES[stage]
    module = importlib.import_module(module_name)
    model: type[BaseModel] = getattr(module, config_name)
    resolved: Any
    if config is None and resume:
        _, content = configured(folder)
        resolved = validated(model, content, str(folder / "config.json"), overrides)
    else:
        resolved = read_config(model, config or f"default/{stage}", overrides)
    return RunPlan(
        stage=stage,
        config=resolved.model_dump(mode="json"),
        settings=resolved.run,
        build=lambda: module.build_stage(resolved, stage),
        folder=folder,
        go_on=shlex.join(["lmdm", "train", stage, "-o", str(folder), "--resume"]),
    )


def _dry(plan: RunPlan, as_json: bool) -> None:
    with begun(plan) as loop:
        figures, main = dry_run(loop), loop.fabric.global_rank == 0
    if not main:
        return
    folder = plan.folder
    files = {
        str(folder / "config.json"): "the resolved configuration",
        str(folder / "state"): f"states to resume from, every {plan.settings.save_every} steps",
        str(folder / "log.csv"): "one row a step" + (", and TensorBoard beside it if installed" if plan.settings.tensorboard else ""),
        str(folder / f"{folder.name}.safetensors"): "the product",
    }
    if plan.settings.demo_every:
        files[str(folder / "demos")] = f"sounds and spectrograms, every {plan.settings.demo_every} steps"
    if as_json:
        click.echo(json.dumps({"stage": plan.stage, **asdict(figures), "files": files}))
    else:
        for sentence in figures.sentences(files):
            click.echo(sentence)
