"""Processes share a step: two of them train as one that accumulates, on the same data, and stay alike."""

from __future__ import annotations

import socket
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lmdm_train.engine.launch import launch
from lmdm_train.engine.loop import Loop
from lmdm_train.engine.randomness import step_random
from lmdm_train.engine.run import begun
from lmdm_train.engine.schedule import Constant
from lmdm_train.engine.settings import RunSettings
from lmdm_train.engine.stage import Stage
from lmdm_train.errors import LmdmTrainError
from tests.train.engine_stages import QUICK, OneNet, TwoNets, ended, in_process, plan, train


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def stepped(stage: Stage, steps: int, **changes: object) -> dict[str, Tensor]:
    torch.manual_seed(0)
    chosen = RunSettings.model_validate({**QUICK, "schedule": Constant(), **changes})
    running = Loop(launch(chosen), stage, chosen)
    for _ in range(steps):
        running.advance()
    return running.capture().tensors


class Plain(OneNet):
    """Without running moments or dropout, whose draws and means belong to a micro-batch."""

    def __init__(self, width: int = 5, batch: int = 3) -> None:
        super().__init__(width, batch)
        torch.manual_seed(3)
        self.net = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 4), nn.Linear(4, 4), nn.Linear(4, 4))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def started_twice(work) -> list[int]:
    """Statuses of two processes that run `work(rank)` as torchrun would run it."""
    port = str(free_port())
    children = [
        in_process(
            partial(work, rank),
            {
                "TORCHELASTIC_RUN_ID": "test",
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "GROUP_RANK": "0",
                "WORLD_SIZE": "2",
                "LOCAL_WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port,
            },
        )
        for rank in range(2)
    ]
    return [ended(child) for child in children]


def two_processes(work, folder: Path) -> dict[str, Tensor]:
    """Runs `work(path)` in two processes; the tensors that the first one wrote, once both agree."""
    assert started_twice(lambda rank: work(folder / f"rank{rank}.safetensors")) == [0, 0]
    first, second = (load_file(folder / f"rank{rank}.safetensors") for rank in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)
    return first


def _write(stage_class: type[OneNet], path: Path, **changes: object) -> None:
    torch.manual_seed(3)
    stage = stage_class()
    save_file({key: value.clone() for key, value in stepped(stage, 3, **changes).items()}, path)


def apart(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    return max(float((first[key] - second[key]).abs().max()) for key in first)


def test_two_processes_train_as_one_that_accumulates(tmp_path):
    """The gradient of two processes with a batch each is the one of two micro-batches; a control sees half of the data."""
    both = two_processes(partial(_write, Plain, clip=0.1), tmp_path)
    assert apart(both, stepped(Plain(), 3, accumulate=2, clip=0.1)) < 1e-6
    assert apart(both, stepped(Plain(), 3, accumulate=1, clip=0.1)) > 1e-4


def test_processes_keep_running_moments_and_turns_alike(tmp_path):
    """Weights, moments of normalisation and optimisers of both phases are the same on both processes (asserted inside)."""
    two_processes(partial(_write, TwoNets), tmp_path)


def _left(folder: Path, ending: str, rank: int) -> None:
    def fail(random: object) -> None:
        if rank == 1:
            raise ValueError("alone")

    settings = {"hook": fail if ending == "one fails" else None}
    expected: tuple[type[BaseException], ...] = ()
    if ending == "refused":
        (folder / "state/step-00000001").mkdir(parents=True, exist_ok=True)
        expected = (LmdmTrainError,) if rank == 0 else (SystemExit,)
    elif ending == "one fails":
        expected = (RuntimeError,) if rank == 0 else (ValueError,)
    with pytest.raises(expected) if expected else nullcontext():
        if ending == "tried":
            with begun(plan(folder, **settings)) as loop:
                loop.advance()
                assert torch.distributed.is_initialized()
        else:
            train(folder, **settings)
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize("ending", ["done", "tried", "refused", "one fails"])
def test_every_process_leaves_the_group_however_a_run_ends(tmp_path, ending):
    """Else a thread of the group may abort the process while Python shuts down; nobody waits for one that failed alone."""
    assert started_twice(partial(_left, tmp_path / "x", ending)) == [0, 0]


def test_data_of_two_processes_are_the_micro_batches_of_one():
    alone = [step_random(5, 7, micro, 0, 1) for micro in range(4)]
    pair = [step_random(5, 7, micro, rank, 2) for micro in range(2) for rank in range(2)]
    drawn = [random.python.random() for random in alone]
    assert drawn == [random.python.random() for random in pair]
    assert len(set(drawn)) == 4
    assert step_random(5, 7, 1, 0, 2).shared.random() == step_random(5, 7, 1, 1, 2).shared.random()
    assert step_random(5, 8, 1, 0, 2).shared.random() != step_random(5, 7, 1, 0, 2).shared.random()
    assert step_random(6, 7, 0, 0, 1).python.random() != drawn[0]
