"""One step of the engine: clipping under a loss scale, the average, phases, bad losses and dry runs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from lightning_fabric.plugins.precision.amp import MixedPrecision
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lmdm_train.engine.average import Average
from lmdm_train.engine.dry import dry_run
from lmdm_train.engine.launch import launch
from lmdm_train.engine.loop import Loop, NotFiniteError
from lmdm_train.engine.schedule import Constant
from lmdm_train.engine.settings import RunSettings
from lmdm_train.engine.stage import Stage, StepRandom
from lmdm_train.errors import LmdmTrainError
from tests.train import engine_stages
from tests.train.engine_stages import QUICK, OneNet, TwoNets, train


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def settings(**changes: object) -> RunSettings:
    return RunSettings.model_validate({**QUICK, "schedule": Constant(), **changes})


def loop(stage: Stage, **changes: object) -> Loop:
    chosen = settings(**changes)
    return Loop(launch(chosen), stage, chosen)


class Line(Stage):
    """A linear map, plain gradient descent, and a gradient that can be computed by hand: loss = slope * sum(w x)."""

    def __init__(self, slope: float = 1.0, rate: float = 0.5) -> None:
        self.net, self.slope, self.rate = nn.Linear(3, 1, bias=False), slope, rate
        nn.init.constant_(self.net.weight, 0.25)
        self.bad: set[int] = set()

    def modules(self) -> dict[str, nn.Module]:
        return {"net": self.net}

    def optimised(self, phase: str) -> str:
        return "net"

    def optimiser(self, name: str) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.net.parameters(), lr=self.rate)

    def losses(self, phase: str, random: StepRandom) -> dict[str, Tensor]:
        factor = math.nan if random.step in self.bad else self.slope
        return {"loss": factor * self.net(torch.tensor([[2.0, 1.0, 2.0]])).float().sum()}

    def save(self, path: Path, averaged: nn.Module | None) -> None:
        save_file(self.net.state_dict(), path)


@pytest.mark.parametrize("precision", ["32-true", "16-mixed", "bf16-mixed"])
def test_the_norm_that_is_clipped_is_that_of_the_gradient_itself(precision):
    """The gradient is slope * (2, 1, 2), of norm 3/8; clipped to 0.06 it is (0.04, 0.02, 0.04), and the step is five times that."""
    stage = Line(slope=1 / 8, rate=5.0)
    report = loop(stage, precision=precision, clip=0.06, ema=0).advance()
    assert report.norm == pytest.approx(3 / 8, rel=1e-3)
    assert torch.allclose(stage.net.weight, torch.tensor([[0.05, 0.15, 0.05]]), atol=1e-4)


def test_control_clipping_a_scaled_gradient_all_but_stops_training(monkeypatch):
    """Fault 11 of the released code: the scale of 2^16 is still in the gradient when it is clipped."""
    monkeypatch.setattr(MixedPrecision, "unscale_gradients", lambda self, optimiser: None)
    stage = Line(slope=1 / 8, rate=5.0)
    report = loop(stage, precision="16-mixed", clip=0.06, ema=0).advance()
    assert report.norm == pytest.approx(3 / 8 * 2**16, rel=1e-3)
    assert (stage.net.weight - 0.25).abs().max() < 1e-5


def test_a_gradient_that_overflows_half_precision_is_left_out_and_the_scale_falls():
    stage = Line(slope=1e4)
    running = loop(stage, precision="16-mixed", clip=0, ema=0, steps=30)
    weights = stage.net.weight.detach().clone()
    first = running.advance()
    assert not first.finite
    assert torch.equal(stage.net.weight, weights)
    while not running.advance().finite:
        pass
    assert not torch.equal(stage.net.weight, weights)
    assert running.capture().facts["scaler"]["scale"] < 2**16


def test_steps_that_are_not_finite_change_nothing_and_end_the_run_when_they_do_not_stop(tmp_path):
    stage = Line()
    stage.bad = {1, 2, 4, 5, 6}
    running = loop(stage, patience=3, ema=0)
    running.advance()
    kept = stage.net.weight.detach().clone()
    assert [running.advance().finite for _ in range(2)] == [False, False]
    assert torch.equal(stage.net.weight, kept)
    assert running.advance().finite
    kept = stage.net.weight.detach().clone()
    assert [running.advance().finite for _ in range(2)] == [False, False]
    with pytest.raises(NotFiniteError, match="3 steps in a row up to step 7 were left out, the last with a loss of nan"):
        running.advance()
    assert torch.equal(stage.net.weight, kept)


class Breaking(OneNet):
    """Has losses that are not finite from step 6 on."""

    def losses(self, phase: str, random: StepRandom) -> dict[str, Tensor]:
        found = super().losses(phase, random)
        return {**found, "loss": found["loss"] * (math.nan if random.step >= 6 else 1.0)}


def test_a_run_that_ends_by_bad_losses_keeps_its_state(tmp_path, monkeypatch):
    monkeypatch.setitem(engine_stages.STAGES, "breaking", Breaking)
    with pytest.raises(NotFiniteError):
        train(tmp_path / "x", "breaking", patience=2, steps=20)
    assert max((tmp_path / "x" / "state").iterdir()).name == "step-00000008"
    product = load_file(tmp_path / "x" / "x.safetensors")
    assert all(bool(value.isfinite().all()) for value in product.values())


def test_a_phase_trains_its_own_module_alone():
    stage = TwoNets()
    running = loop(stage)
    generator, judge = (nn.utils.parameters_to_vector(module.parameters()).clone() for module in stage.modules().values())
    assert running.advance().phase == "generator"
    assert not torch.equal(nn.utils.parameters_to_vector(stage.net.parameters()), generator)
    assert torch.equal(nn.utils.parameters_to_vector(stage.judge.parameters()), judge)
    generator = nn.utils.parameters_to_vector(stage.net.parameters()).clone()
    assert running.advance().phase == "discriminator"
    assert torch.equal(nn.utils.parameters_to_vector(stage.net.parameters()), generator)
    assert not torch.equal(nn.utils.parameters_to_vector(stage.judge.parameters()), judge)
    assert [p.requires_grad for p in stage.net.parameters()][-2:] == [False, False]
    assert all(p.requires_grad for p in stage.judge.parameters())
    assert running.average is not None
    assert running.average.updates == 1


def test_the_average_is_the_weighted_sum_of_all_weights():
    """Brute force: after n updates, weight k counts (1 - d_k) * d_{k+1} * … * d_n, with d_k = min(decay, (1 + k) / (10 + k))."""
    net = nn.Linear(3, 2)
    net.bias.requires_grad_(False)
    average, history = Average(net, 0.8), [net.weight.detach().double().clone()]
    decays = [1.0]
    for k in range(1, 60):
        with torch.no_grad():
            net.weight.add_(torch.randn_like(net.weight))
        average.update()
        history.append(net.weight.detach().double().clone())
        decays.append(min(0.8, (1 + k) / (10 + k)))
    expected = sum(
        (weights * (1 - decays[k] if k else 1) * math.prod(decays[k + 1 :]) for k, weights in enumerate(history)),
        torch.zeros(2, 3, dtype=torch.float64),
    )
    module = average.module
    assert isinstance(module, nn.Linear)
    assert torch.allclose(module.weight.double(), expected, atol=1e-5)
    assert module.bias is net.bias
    assert not torch.allclose(module.weight, net.weight)


def test_a_stage_that_optimises_nothing_is_refused():
    stage = OneNet()
    stage.net.requires_grad_(False)
    with pytest.raises(LmdmTrainError, match="optimises 'net', which has no trainable parameter"):
        loop(stage)


def test_a_dry_run_counts_what_it_says():
    figures = dry_run(loop(TwoNets(), accumulate=2, steps=100))
    trained = sum(p.numel() for p in TwoNets().net.parameters() if p.requires_grad)
    assert figures.trained["generator"] == trained
    assert figures.parameters["generator"] == trained + 5 * 4 + 4
    assert figures.items_a_step == 6
    assert set(figures.losses) == {"generator", "discriminator"}
    assert figures.seconds_to_come == pytest.approx(100 * figures.seconds_a_step)
    # At least weights, average and two moments of each trained number of the generator, in four bytes each.
    assert figures.state >= 4 * 4 * trained
    assert figures.memory > 2**20


def test_a_time_limit_ends_a_run_and_the_clock_counts_all_sessions(tmp_path):
    torch.manual_seed(0)
    running = loop(OneNet(), minutes=1.0, steps=1000)
    running.advance()
    running.elapsed = 30.0
    assert running.done == pytest.approx(0.5)
    torch.manual_seed(0)
    again = loop(OneNet(), minutes=1.0, steps=1000)
    again.restore(running.capture())
    assert again.elapsed == 30.0
    again.elapsed = 61.0
    assert again.finished
