"""What a run is at a step: weights, optimiser moments, average and loss scale, as named tensors and plain numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lmdm_train.engine.average import Average
from lmdm_train.errors import LmdmTrainError


@dataclass(frozen=True)
class RunState:
    """Tensors by name, and facts that fit into JSON. A generator's state is never part of it: see `randomness`."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


@dataclass
class Parts:
    """Everything of a run that changes by training; `frozen` are digests of the weights that do not."""

    modules: Mapping[str, nn.Module]
    optimisers: Mapping[str, torch.optim.Optimizer]
    average: Average | None
    precision: Any  # Fabric's precision plugin, which owns the loss scale
    frozen: dict[str, str]


def changing(module: nn.Module) -> dict[str, Tensor]:
    """Trained parameters and persistent buffers by name."""
    parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
    return parameters | _persistent_buffers(module)


def running_buffers(modules: Iterable[nn.Module]) -> list[Tensor]:
    """Persistent floating-point buffers, which a forward in training may move."""
    return [buffer for module in modules for buffer in _persistent_buffers(module).values() if buffer.is_floating_point()]


def _persistent_buffers(module: nn.Module) -> dict[str, Tensor]:
    kept = module.state_dict().keys()
    return {name: buffer for name, buffer in module.named_buffers() if name in kept}


def frozen_digest(module: nn.Module) -> str:
    """A digest of the parameters that are not trained, which a run's state leaves out."""
    digest = hashlib.blake2b(digest_size=16)
    for name, parameter in sorted(module.named_parameters()):
        if not parameter.requires_grad:
            digest.update(name.encode())
            digest.update(parameter.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def capture(parts: Parts, facts: Mapping[str, Any]) -> RunState:
    """The present state, without copies: write it before the next step."""
    tensors: dict[str, Tensor] = {}
    plain: dict[str, Any] = {}
    for name, module in parts.modules.items():
        tensors |= {f"module.{name}.{key}": value.detach() for key, value in changing(module).items()}
    for name, optimiser in parts.optimisers.items():
        for index, values in optimiser.state_dict()["state"].items():
            for key, value in values.items():
                where = f"optimiser.{name}.{index}.{key}"
                if isinstance(value, Tensor):
                    tensors[where] = value
                else:
                    plain[where] = value
    if parts.average is not None:
        tensors |= {f"average.{key}": value.detach() for key, value in _averaged(parts.average).items()}
    average = None if parts.average is None else parts.average.updates
    return RunState(
        tensors, {**facts, "plain": plain, "average": average, "scaler": parts.precision.state_dict(), "frozen": dict(parts.frozen)}
    )


def restore(parts: Parts, state: RunState) -> None:
    """Make the parts what they were when `state` was captured.

    Raises:
        LmdmTrainError: names, shapes or frozen weights are not those of the run.
    """
    changed = [name for name, digest in state.facts["frozen"].items() if parts.frozen.get(name) != digest]
    if changed:
        raise LmdmTrainError(
            f"the frozen weights of {' and '.join(changed)} are not those that the run began with; "
            "give it the files that it began with, or start another run with -o"
        )
    rest = dict(state.tensors)
    for name, module in parts.modules.items():
        _fill(changing(module), rest, f"module.{name}.")
    if parts.average is not None:
        _fill(_averaged(parts.average), rest, "average.")
        parts.average.updates = int(state.facts["average"])
    for name, optimiser in parts.optimisers.items():
        _restore_optimiser(name, optimiser, rest, state.facts["plain"])
    if rest:
        raise LmdmTrainError(f"the run's state holds {min(rest)}, which this stage does not know; resume with the version that wrote it")
    parts.precision.load_state_dict(state.facts["scaler"])


def _averaged(average: Average) -> dict[str, Tensor]:
    mine = {id(parameter) for parameter in average.trained}
    return {name: p for name, p in average.module.named_parameters() if id(p) in mine} | _persistent_buffers(average.module)


@torch.no_grad()
def _fill(targets: Mapping[str, Tensor], rest: dict[str, Tensor], prefix: str) -> None:
    for key, target in targets.items():
        value = rest.pop(prefix + key, None)
        if value is None or value.shape != target.shape:
            found = "nothing" if value is None else f"shape {list(value.shape)}"
            raise LmdmTrainError(f"the run's state has {found} for {prefix}{key}, expected shape {list(target.shape)}; start another run")
        target.copy_(value)


def _restore_optimiser(name: str, optimiser: torch.optim.Optimizer, rest: dict[str, Tensor], plain: Mapping[str, Any]) -> None:
    prefix = f"optimiser.{name}."
    state: dict[int, dict[str, Any]] = {}
    found = {key: rest.pop(key) for key in list(rest) if key.startswith(prefix)}
    for key, value in [*found.items(), *((key, value) for key, value in plain.items() if key.startswith(prefix))]:
        index, _, entry = key.removeprefix(prefix).partition(".")
        state.setdefault(int(index), {})[entry] = value
    count = sum(len(group["params"]) for group in optimiser.param_groups)
    if any(index >= count for index in state):
        raise LmdmTrainError(f"the run's state has {max(state) + 1} parameters of {name}, this stage {count}; start another run")
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
