"""A run that is killed at any moment and resumed equals the unbroken one, byte for byte."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from lmdm_train.engine import folder as folder_module
from lmdm_train.engine import loop as loop_module
from lmdm_train.engine.folder import read_newest
from lmdm_train.engine.stage import StepRandom
from lmdm_train.engine.state import restore
from lmdm_train.errors import LmdmTrainError
from tests.train.engine_stages import ended, in_process, kill_here, left_behind, plan, train


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """One thread, since these modules are tiny; and no waiting for the disk, which a killed process does not need."""
    torch.set_num_threads(1)
    monkeypatch.setattr(folder_module, "_sync", lambda path: None)


def killed_at(step: int, micro: int) -> Callable[[StepRandom], None]:
    return lambda at: kill_here() if (at.step, at.micro) == (step, micro) else None


@pytest.mark.parametrize("kind", ["one", "two"])
@pytest.mark.parametrize(("step", "micro"), [(0, 0), (3, 1), (4, 0), (7, 1), (9, 0), (11, 1)])
def test_killed_and_resumed_equals_unbroken(tmp_path, kind, step, micro):
    train(tmp_path / "a" / "x", kind, accumulate=2)
    broken = tmp_path / "b" / "x"
    assert ended(in_process(lambda: train(broken, kind, accumulate=2, hook=killed_at(step, micro)))) == -signal.SIGKILL
    outcome = train(broken, kind, accumulate=2, resume=True)
    assert outcome.step == 12
    assert left_behind(broken) == left_behind(tmp_path / "a" / "x")


def now_and_then(chance: random.Random, at: StepRandom) -> None:
    if chance.random() < 0.2:
        kill_here()


def test_killed_again_and_again_at_random_equals_unbroken(tmp_path):
    train(tmp_path / "a" / "x", "two", accumulate=2, save_every=3)
    broken, kills = tmp_path / "b" / "x", 0
    for attempt in range(80):
        hook = partial(now_and_then, random.Random(100 + attempt))
        work = partial(train, broken, "two", accumulate=2, save_every=3, resume=attempt > 0, hook=hook)
        status = ended(in_process(work))
        if status == 0:
            break
        assert status == -signal.SIGKILL
        kills += 1
    assert kills > 2
    assert left_behind(broken) == left_behind(tmp_path / "a" / "x")


@pytest.mark.parametrize("where", ["tensors", "facts", "rename", "product"])
def test_killed_while_it_saves_equals_unbroken(tmp_path, monkeypatch, where):
    train(tmp_path / "a" / "x")
    broken = tmp_path / "b" / "x"

    def work() -> None:
        calls = {"n": 0}

        def on_second(real, before):
            def call(*args, **kwargs):
                calls["n"] += 1
                if calls["n"] == 2:
                    before(*args)
                    kill_here()
                return real(*args, **kwargs)

            return call

        from tests.train.engine_stages import OneNet

        if where == "tensors":
            half = lambda tensors, path: Path(path).write_bytes(b"\x10\0\0\0\0\0\0\0{")  # noqa: E731
            monkeypatch.setattr(folder_module, "save_file", on_second(folder_module.save_file, half))
        elif where == "facts":
            monkeypatch.setattr(folder_module, "_sha256", on_second(folder_module._sha256, lambda path: None))
        elif where == "rename":
            monkeypatch.setattr(Path, "replace", on_second(Path.replace, lambda *_: None))
        else:
            monkeypatch.setattr(OneNet, "save", on_second(OneNet.save, lambda *_: None))
        train(broken)

    assert ended(in_process(work)) == -signal.SIGKILL
    train(broken, resume=True)
    assert left_behind(broken) == left_behind(tmp_path / "a" / "x")


def forget_moments(parts, state):
    for key in [key for key in state.tensors if key.endswith("exp_avg_sq")]:
        state.tensors[key].zero_()
    restore(parts, state)


def forget_average(parts, state):
    restore(parts, state)
    parts.average.updates = 0


def forget_running_moments(parts, state):
    for key in [key for key in state.tensors if key.endswith("running_mean")]:
        state.tensors[key].zero_()
    restore(parts, state)


@pytest.mark.parametrize("forgetful", [forget_moments, forget_average, forget_running_moments])
def test_control_a_resume_that_forgets_something_differs(tmp_path, monkeypatch, forgetful):
    train(tmp_path / "a" / "x")
    broken = tmp_path / "b" / "x"
    ended(in_process(lambda: train(broken, hook=killed_at(6, 0))))
    monkeypatch.setattr(loop_module, "restore", forgetful)
    train(broken, resume=True)
    assert left_behind(broken)["product"] != left_behind(tmp_path / "a" / "x")["product"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_run_goes_on_from_there(tmp_path, number):
    train(tmp_path / "a" / "x")
    stopped = tmp_path / "b" / "x"
    before = signal.getsignal(number)
    outcome = train(stopped, hook=lambda at: signal.raise_signal(number) if at.step == 5 else None)
    assert (outcome.signal, outcome.step) == (number, 6)
    state, _ = read_newest(stopped / "state")
    assert state is not None
    assert state.facts["step"] == 6
    assert signal.getsignal(number) is before
    train(stopped, resume=True)
    assert left_behind(stopped) == left_behind(tmp_path / "a" / "x")


def test_a_longer_run_goes_on_and_another_configuration_is_refused(tmp_path):
    folder = tmp_path / "x"
    train(folder, steps=4)
    assert train(folder, steps=6, save_every=5, resume=True).step == 6
    with pytest.raises(LmdmTrainError, match=r"run\.batch was 3, now 4.*start another run with -o"):
        train(folder, batch=4, resume=True)
    with pytest.raises(LmdmTrainError, match=r"already holds a run; go on with it by --resume"):
        train(folder)
    with pytest.raises(LmdmTrainError, match="holds a run of lmdm train one, found lmdm train two"):
        train(folder, "two", resume=True)
    with pytest.raises(LmdmTrainError, match="holds no run to go on with"):
        train(tmp_path / "y", resume=True)


def test_a_finished_run_resumes_to_itself(tmp_path):
    train(tmp_path / "x")
    before = left_behind(tmp_path / "x")
    assert train(tmp_path / "x", resume=True).losses == {}
    assert left_behind(tmp_path / "x") == before


def test_frozen_weights_of_another_file_are_refused(tmp_path):
    train(tmp_path / "x", steps=4)
    other = plan(tmp_path / "x", steps=8)
    build = other.build

    def changed():
        stage = build()
        with torch.no_grad():
            stage.modules()["net"][4].weight.add_(1e-6)
        return stage

    object.__setattr__(other, "build", changed)
    from lmdm_train.engine.run import run

    with pytest.raises(LmdmTrainError, match="frozen weights of net are not those"):
        run(other, resume=True, quiet=True)


def test_the_state_holds_no_generator(tmp_path):
    """Resume is exact without them, so nothing depends on how often a generator was asked before."""
    train(tmp_path / "x", "two")
    facts = json.loads((max((tmp_path / "x" / "state").iterdir()) / "state.json").read_text())
    assert set(facts) == {"format", "step", "elapsed", "bad_in_a_row", "plain", "average", "scaler", "frozen", "sha256"}
