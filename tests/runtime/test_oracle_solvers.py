"""Numpy solvers and guidance against tensors of public reference programs; names, sizes and settings come from each case's JSON."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch")

from lmdm_runtime.solvers import SOLVERS, Array, Guided, guide, logsnr_schedule
from tests.oracle_cases import TOLERANCE, Case, cases

NAMES = {"euler": "euler", "heun": "heun", "rk4": "rk4", "dpmpp": "dpmpp-2m", "pingpong": "ping-pong"}


def field_of(case: Case) -> Callable[[Array, float], Guided]:
    """The analytic field that the case names."""
    coefficients = re.search(r"=\s*([\d.]+)\*tanh\(x\)\s*\+\s*([\d.]+)\*t\b", case.config["velocity_field"])
    assert coefficients, f"cannot read the velocity field {case.config['velocity_field']!r}"
    a, b = (np.float32(number) for number in coefficients.groups())

    def velocity(x: Array, t: float) -> Guided:
        v = a * np.tanh(x) + b * np.float32(t)
        return Guided(v, v)

    return velocity


def largest(found: Array, expected: Array) -> float:
    assert found.shape == expected.shape
    assert np.isfinite(found).all()
    return float(np.abs(found - expected).max())


@pytest.mark.parametrize("case", cases("samplers"))
def test_oracle_solvers(case: Case):
    velocity, start, compared = field_of(case), case.given("x_T").numpy(), 0

    def noise(step: int) -> Array:
        return case.given(f"noise/{step - 1}").numpy()

    for steps in case.config["steps"]:
        levels = logsnr_schedule(steps)
        assert largest(np.array(levels), case.out(f"n{steps}/schedule").numpy()) < 1e-6
        grids = {"": levels, "_linear": np.linspace(1.0, 0.0, steps + 1).tolist()}
        for output in case.outputs(f"n{steps}/"):
            word, linear = re.fullmatch(rf"n{steps}/(\w+?)(_linear)?", output).groups()
            if word == "schedule":
                continue
            found = SOLVERS[NAMES[word]](velocity, start, grids[linear or ""], noise)
            assert found.dtype == np.float32
            error = largest(found, case.out(output).numpy())
            print(f"{output}: max abs error {error:.2e}")
            assert error < 5e-6, output
            compared += 1
    assert compared >= len(case.config["steps"])


@pytest.mark.parametrize("case", cases("samplers"))
def test_oracle_solvers_see_a_mistake(case: Case):
    """The control: one level out of place, or noise of another step, must not pass."""
    velocity, start, steps = field_of(case), case.given("x_T").numpy(), max(case.config["steps"])
    levels = logsnr_schedule(steps)
    late = (*levels[:-2], levels[-2] * 0.9, 0.0)
    for word in ("euler", "dpmpp", "pingpong"):
        wrong = SOLVERS[NAMES[word]](velocity, start, late, lambda step: case.given(f"noise/{step % steps}").numpy())
        assert largest(wrong, case.out(f"n{steps}/{word}").numpy()) > TOLERANCE


@pytest.mark.parametrize("case", cases("rollout"))
def test_oracle_guided_steps(case: Case):
    """The reference's stored velocities through our guidance and our solver give its blocks, for plain, CFG and P4 alike."""
    settings = case.config["rollout"]
    for block in range(settings["blocks"]):
        for item in range(len(case.out(f"block{block}/latent"))):
            replay(case, block, item)


def replay(case: Case, block: int, item: int) -> None:
    settings, s = case.config["rollout"], case.config["attention"]["context"]
    scale = settings["cfg_scale"]
    kind = "none" if scale == 1 else "cfg++" if settings["plus_plus"] else "cfg"
    levels = [float(case.out(f"block{block}/step{step}/t").reshape(-1)[0]) for step in range(settings["steps"])]
    steps = iter(range(settings["steps"]))

    def kept(name: str) -> Array:
        return case.out(f"block{block}/{name}").numpy()[item : item + 1]

    def velocity(x: Array, t: float) -> Guided:
        where = f"step{next(steps)}"
        assert largest(x, kept(f"{where}/x_in_target")) < TOLERANCE
        if f"out/block{block}/{where}/v_cond_target" in case.tensors:
            return guide(np.concatenate([kept(f"{where}/v_cond_target"), kept(f"{where}/v_uncond_target")]), kind, scale)
        v = kept(f"{where}/v_target")
        return Guided(v, v)

    def noise(step: int) -> Array:
        name = f"block{block}/x_T" if step == 0 else f"block{block}/step{step - 1}/renoise"
        return case.given(name).numpy()[item : item + 1, :, s:]

    found = SOLVERS[NAMES[settings["sampler"]]](velocity, noise(0), (*levels, 0.0), noise)
    assert largest(found, kept("latent")) < TOLERANCE
