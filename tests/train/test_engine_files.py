"""States, logs and schedules: damage is passed over with a sentence, a full disk loses nothing, and rates follow their formulas."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from lmdm_train.engine import folder as folder_module
from lmdm_train.engine.folder import read_newest, states, write_state
from lmdm_train.engine.log import Log
from lmdm_train.engine.loop import StepReport
from lmdm_train.engine.schedule import Constant, Cosine, Inverse, multiplier
from lmdm_train.engine.state import RunState
from lmdm_train.errors import LmdmTrainError
from tests.train.engine_stages import ended, in_process, left_behind, train


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(folder_module, "_sync", lambda path: None)


def state(step: int) -> RunState:
    generator = torch.Generator().manual_seed(step)
    return RunState({"a": torch.randn(50, generator=generator), "b": torch.tensor(step)}, {"step": step, "elapsed": 0.1})


def test_the_last_two_states_are_kept_and_come_back_as_they_were(tmp_path):
    for step in (1, 2, 10):
        write_state(tmp_path, state(step))
    assert [path.name for path in states(tmp_path)] == ["step-00000010", "step-00000002"]
    found, complaints = read_newest(tmp_path)
    assert complaints == []
    assert found is not None
    assert all(torch.equal(found.tensors[key], value) for key, value in state(10).tensors.items())
    assert found.facts["step"] == 10


def truncate(path: Path) -> None:
    content = (path / "tensors.safetensors").read_bytes()
    (path / "tensors.safetensors").write_bytes(content[: len(content) // 2])


def flip(path: Path) -> None:
    content = bytearray((path / "tensors.safetensors").read_bytes())
    content[-3] ^= 1
    (path / "tensors.safetensors").write_bytes(content)


DAMAGE = {
    "truncated": truncate,
    "flipped": flip,
    "no tensors": lambda path: (path / "tensors.safetensors").unlink(),
    "no facts": lambda path: (path / "state.json").unlink(),
    "half facts": lambda path: (path / "state.json").write_text('{"format": 1, "st'),
    "other facts": lambda path: (path / "state.json").write_text("[]"),
    "empty": lambda path: (shutil.rmtree(path), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_newest_state_falls_back_to_the_one_before(tmp_path, damage):
    write_state(tmp_path, state(1))
    write_state(tmp_path, state(2))
    DAMAGE[damage](tmp_path / "step-00000002")
    found, complaints = read_newest(tmp_path)
    assert found is not None
    assert found.facts["step"] == 1
    assert len(complaints) == 1
    assert "step-00000002 is damaged" in complaints[0]
    DAMAGE[damage](tmp_path / "step-00000001")
    with pytest.raises(LmdmTrainError, match=r"no state in .* can be read"):
        read_newest(tmp_path)


def test_a_run_resumes_from_the_state_before_a_damaged_one_and_ends_the_same(tmp_path, capfd):
    train(tmp_path / "a" / "x")
    train(tmp_path / "b" / "x")
    flip(max((tmp_path / "b" / "x" / "state").iterdir()))
    train(tmp_path / "b" / "x", resume=True)
    assert left_behind(tmp_path / "a" / "x") == left_behind(tmp_path / "b" / "x")


def _no_files_beyond(size: int) -> None:
    """From here on, in this process, a file that grows beyond `size` bytes meets what a full disk would answer."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_a_state_that_the_disk_has_no_room_for_leaves_the_older_ones(tmp_path):
    write_state(tmp_path, state(1))

    def work() -> None:
        _no_files_beyond(400)
        with pytest.raises(LmdmTrainError, match=r"could not be written to .*too large.*; free some space: older states there are kept"):
            write_state(tmp_path, RunState({"a": torch.randn(500)}, {"step": 2}))

    assert ended(in_process(work)) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    found, _ = read_newest(tmp_path)
    assert found is not None


def test_a_run_whose_disk_is_full_goes_on_and_says_so_at_the_end(tmp_path):
    """The limit falls below the size of a state after the first save; what was saved before is whole."""
    train(tmp_path / "a" / "x")

    def work() -> None:
        folder = tmp_path / "b" / "x"
        full = lambda at: _no_files_beyond(500) if at.step == 5 else None  # noqa: E731
        with pytest.raises(LmdmTrainError, match="free some space"):
            train(folder, hook=full)

    assert ended(in_process(work)) == 0
    assert [path.name for path in states(tmp_path / "b" / "x" / "state")] == ["step-00000004"]
    train(tmp_path / "b" / "x", resume=True)
    assert left_behind(tmp_path / "b" / "x") == left_behind(tmp_path / "a" / "x")


def report(step: int, **losses: float) -> StepReport:
    return StepReport(step, "train", 0.1, 1.0, {"loss": 1 / step, **losses})


def test_the_log_drops_rows_that_are_done_again_and_grows_columns(tmp_path):
    log = Log(tmp_path, 0, tensorboard=False)
    for step in (1, 2, 3):
        log.add(report(step), step)
    log.flush()
    log.add(report(4, apart=0.5), 4)
    log.close()
    whole = (tmp_path / "log.csv").read_text()
    assert whole.splitlines()[0].endswith("loss,apart")
    # A crash in the middle of a row.
    (tmp_path / "log.csv").write_text(whole[:-6])
    again = Log(tmp_path, 2, tensorboard=False)
    again.add(report(3), 3)
    again.flush()
    again.add(report(4, apart=0.5), 4)
    again.close()
    assert (tmp_path / "log.csv").read_text() == whole


def test_rows_that_the_disk_refuses_are_written_later(tmp_path):
    log, path = Log(tmp_path, 0, tensorboard=False), tmp_path / "log.csv"
    log.add(report(1), 1)
    log.flush()
    log.add(report(2), 2)

    def work() -> None:
        before = path.read_text()
        _no_files_beyond(len(before) + 10)
        with pytest.raises(OSError, match="large"):
            log.flush()
        assert path.read_text() == before
        _no_files_beyond(1 << 20)
        log.flush()
        assert [row.partition(",")[0] for row in path.read_text().splitlines()] == ["step", "1", "2"]

    assert ended(in_process(work)) == 0


def test_tensorboard_gets_what_the_csv_gets(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = Log(tmp_path, 0, tensorboard=True)
    for step in (1, 2):
        log.add(report(step), step)
    log.close()
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(1, 1.0), (2, 0.5)]


def torch_rates(make, steps: int) -> list[float]:
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimiser)
    rates = []
    for _ in range(steps):
        rates.append(float(optimiser.param_groups[0]["lr"]))
        optimiser.step()
        schedule.step()
    return rates


def test_cosine_and_warm_up_are_those_of_torch():
    lrs = torch.optim.lr_scheduler
    cosine = torch_rates(lambda optimiser: lrs.CosineAnnealingLR(optimiser, 50, eta_min=0.1), 50)
    assert [multiplier(Cosine(warm_up=0, last=0.1), n, n / 50) for n in range(50)] == pytest.approx(cosine)
    warm = torch_rates(lambda optimiser: lrs.LinearLR(optimiser, 1 / 10, 1.0, 9), 30)
    assert [multiplier(Constant(warm_up=10), n, n / 30) for n in range(30)] == pytest.approx(warm)
    assert [multiplier(Cosine(warm_up=0, last=0.2), n, n / 50) for n in range(50)] != pytest.approx(cosine)


def test_inverse_is_that_of_the_released_configurations():
    """The closed form of stable-audio-tools' InverseLR, as values worked out by hand."""
    released = Inverse(inv_gamma=1_000_000, power=0.5, warm_up=0.995)
    assert multiplier(released, 0, 0) == pytest.approx(0.005)
    assert multiplier(released, 1, 0) == pytest.approx(1 - 0.990025, rel=1e-5)
    assert multiplier(released, 1_000_000, 0) == pytest.approx(0.5**0.5)
    assert multiplier(released, 3_000_000, 0) == pytest.approx(0.5)
    assert multiplier(Inverse(inv_gamma=1, power=2, warm_up=0, last=0.3), 9, 0) == 0.3
