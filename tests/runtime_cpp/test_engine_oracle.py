"""C++ solvers and guidance against tensors of public reference programs; names, sizes and settings come from each case's JSON."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from lmdm_runtime.solvers import logsnr_schedule
from tests.oracle_cases import TOLERANCE, Case, cases
from tests.runtime_cpp.engine_probe import ask

NAMES = {"euler": "euler", "heun": "heun", "rk4": "rk4", "dpmpp": "dpmpp-2m", "pingpong": "ping-pong"}


def numbers(tensor: Any) -> list[float]:
    return tensor.reshape(-1).tolist()


def largest(answer: dict[str, Any], expected: Any) -> float:
    return float(np.abs(np.array(answer["x"]) - expected.numpy().reshape(-1)).max())


def solve(case: Case, word: str, steps: int, schedule: list[float], first: int = 0) -> dict[str, Any]:
    a, b = (float(x) for x in re.search(r"=\s*([\d.]+)\*tanh\(x\)\s*\+\s*([\d.]+)\*t\b", case.config["velocity_field"]).groups())
    noise = [numbers(case.given(f"noise/{(first + draw) % steps}")) for draw in range(steps)] if word == "pingpong" else []
    field = {"field": "tanh", "a": a, "b": b, "guidance": "none", "scale": 1.0}
    return {"op": "solve", "solver": NAMES[word], "schedule": schedule, "x": numbers(case.given("x_T")), "noise": noise, **field}


@pytest.mark.parametrize("case", cases("samplers"))
def test_oracle_solvers(case: Case) -> None:
    requests, outputs = [], []
    for steps in case.config["steps"]:
        grids = {"": list(logsnr_schedule(steps)), "_linear": np.linspace(1.0, 0.0, steps + 1).tolist()}
        for output in case.outputs(f"n{steps}/"):
            word, linear = re.fullmatch(rf"n{steps}/(\w+?)(_linear)?", output).groups()
            if word != "schedule":
                requests.append(solve(case, word, steps, grids[linear or ""]))
                outputs.append(output)
    assert len(outputs) >= len(case.config["steps"])
    for output, answer in zip(outputs, ask(*requests), strict=True):
        error = largest(answer, case.out(output))
        print(f"{output}: max abs error {error:.2e}")
        assert error < 5e-6, output


@pytest.mark.parametrize("case", cases("samplers"))
def test_oracle_solvers_see_a_mistake(case: Case) -> None:
    """The control: one level out of place, or noise of another step, must not pass."""
    steps, words = max(case.config["steps"]), ("euler", "dpmpp", "pingpong")
    levels = list(logsnr_schedule(steps))
    late = [*levels[:-2], levels[-2] * 0.9, 0.0]
    wrong = [solve(case, word, steps, late) for word in words] + [solve(case, "pingpong", steps, levels, first=1)]
    for word, answer in zip((*words, "pingpong"), ask(*wrong), strict=True):
        assert largest(answer, case.out(f"n{steps}/{word}")) > TOLERANCE


@pytest.mark.parametrize("case", cases("rollout"))
def test_oracle_guided_steps(case: Case) -> None:
    """The reference's stored velocities through our guidance and our solver give its blocks, for plain, CFG and P4 alike."""
    settings = case.config["rollout"]
    places = [(block, item) for block in range(settings["blocks"]) for item in range(len(case.out(f"block{block}/latent")))]
    answers = ask(*(replay(case, *place) for place in places))
    for (block, item), answer in zip(places, answers, strict=True):
        assert largest(answer, case.out(f"block{block}/latent")[item]) < TOLERANCE


def replay(case: Case, block: int, item: int) -> dict[str, Any]:
    settings, context = case.config["rollout"], case.config["attention"]["context"]
    scale, steps = settings["cfg_scale"], range(settings["steps"])
    pairs = f"out/block{block}/step0/v_cond_target" in case.tensors  # else the reference stored what it had guided
    kind = "none" if not pairs else "cfg++" if settings["plus_plus"] else "cfg"

    def kept(name: str) -> list[float]:
        return numbers(case.out(f"block{block}/{name}")[item])

    def velocity(where: str) -> list[float]:
        return kept(f"{where}/v_cond_target") + kept(f"{where}/v_uncond_target") if pairs else kept(f"{where}/v_target")

    def noise(step: int) -> list[float]:
        name = f"block{block}/x_T" if step == 0 else f"block{block}/step{step - 1}/renoise"
        return numbers(case.given(name)[item, :, context:])

    levels = [float(case.out(f"block{block}/step{step}/t").reshape(-1)[0]) for step in steps]
    renoised = settings["sampler"] == "pingpong"
    return {
        "op": "solve",
        "solver": NAMES[settings["sampler"]],
        "guidance": kind,
        "scale": scale,
        "schedule": [*levels, 0.0],
        "x": noise(0),
        "noise": [noise(step) for step in steps[1:]] if renoised else [],
        "field": "replay",
        "velocities": [velocity(f"step{step}") for step in steps],
    }
