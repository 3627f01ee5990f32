"""Whole blocks, and every step inside them, against rollouts and solvers of public reference programs."""

from __future__ import annotations

import dataclasses
import re
from itertools import islice

import pytest
import torch

from lmdm_train.config import SamplingConfig
from lmdm_train.rollout import Rollout, encoder_decoder, outpainting
from lmdm_train.rollout.context import null_context
from lmdm_train.rollout.prompts import constant_condition
from lmdm_train.sampling import Guided, linear_schedule, logsnr_schedule, solve
from lmdm_train.sampling.guidance import Guidance
from tests.oracle_cases import Case, assert_caught, assert_matches, cases, default_rotary_base

SOLVER_NAMES = {"euler": "euler", "heun": "heun", "rk4": "rk4", "dpmpp": "dpmpp-2m", "pingpong": "ping-pong"}


def guidance_of(settings) -> tuple[str, float]:
    """The reference guides only when the scale is not 1, with CFG++ too."""
    scale = settings["cfg_scale"]
    if scale == 1:
        return "none", 1.0
    return ("cfg++" if settings["plus_plus"] else "cfg"), scale


def rollout_of(case: Case) -> Rollout:
    settings, layout = case.config["rollout"], case.layout
    kind, scale = guidance_of(settings)
    sampling = SamplingConfig(solver=SOLVER_NAMES[settings["sampler"]], steps=settings["steps"], guidance=kind, guidance_scale=scale)

    def noise(block: int, draw: int):
        name = f"block{block}/x_T" if draw == 0 else f"block{block}/step{draw - 1}/renoise"
        return case.given(name)[..., layout.context :]

    cross = case.given("cross_attn_cond")
    start = null_context(len(cross), case.dit_config.latent_channels, layout) if settings["start"] == "null" else case.given("init_context")
    condition = constant_condition(cross, case.given("global_cond"))
    return Rollout(case.dit(), layout, case.pattern, sampling, condition, noise, start=start, collect=[])


def context_noise_of(case: Case):
    return lambda block, step: case.given(f"block{block}/step{step}/context_noise")[..., : case.layout.context]


def check(case: Case, rollout: Rollout, stream) -> None:
    """Every block, and for each step the noisy block, its level and the velocities that the reference kept."""
    settings = case.config["rollout"]
    blocks = list(islice(stream, settings["blocks"]))
    for number, block in enumerate(blocks):
        assert_matches(block, case.out(f"block{number}/latent"), f"block {number}")
        passes = [p for p in rollout.collect if p.block == number and p.stage != "context"]
        assert len(passes) == settings["steps"]
        for step, found in enumerate(passes):
            where = f"block{number}/step{step}"
            assert_matches(torch.tensor([found.t]), case.out(f"{where}/t").reshape(-1)[:1], f"{where} t")
            assert_matches(found.x, case.out(f"{where}/x_in_target"), f"{where} x")
            guided = rollout.guidance.combine(found.velocity).v
            velocities = {"v_target": guided, "v_cond_target": found.velocity.chunk(2)[0], "v_uncond_target": found.velocity.chunk(2)[-1]}
            stored = [name for name in velocities if f"out/{where}/{name}" in case.tensors]
            assert stored
            for name in stored:
                assert_matches(velocities[name], case.out(f"{where}/{name}"), f"{where} {name}")


@pytest.mark.parametrize("case", cases("rollout"))
def test_oracle_rollout_masked(case: Case):
    rollout = rollout_of(case)
    check(case, rollout, outpainting(rollout, context_noise_of(case)))


@pytest.mark.parametrize("case", cases("rollout"))
def test_oracle_rollout_cached(case: Case):
    if case.pattern.kind != "encoder-decoder":
        pytest.skip(f"the cache of the {case.pattern.kind} pattern reaches further back than the window of an uncached rollout")
    rollout = rollout_of(case)
    check(case, rollout, encoder_decoder(rollout))


@pytest.mark.parametrize("case", cases("rollout"))
def test_oracle_rollout_sees_mistakes(case: Case):
    rollout, settings = rollout_of(case), case.config["rollout"]
    last = settings["blocks"] - 1

    def end(changed: Rollout):
        return list(islice(outpainting(changed, context_noise_of(case)), last + 1))[-1]

    expected = case.out(f"block{last}/latent")
    if settings["steps"] > 1:
        assert_caught(end(dataclasses.replace(rollout, schedule=linear_schedule(settings["steps"]))), expected, "plain linear schedule")
    assert_caught(end(dataclasses.replace(rollout, noise=lambda b, d: rollout.noise(b, d).flip(-1))), expected, "noise in another order")
    scale = rollout.sampling.guidance_scale
    other = SamplingConfig(**{**rollout.sampling.model_dump(), "guidance": "cfg", "guidance_scale": scale + 0.1})
    if rollout.guidance != Guidance("none", 1.0):
        assert_caught(end(dataclasses.replace(rollout, sampling=other)), expected, "another guidance")
    wrong_base = case.dit()
    default_rotary_base(wrong_base, 10.0)
    assert_caught(end(dataclasses.replace(rollout, dit=wrong_base)), expected, "another rotary base")


def velocity_of(case: Case):
    """The analytic field that the case names."""
    coefficients = re.search(r"=\s*([\d.]+)\*tanh\(x\)\s*\+\s*([\d.]+)\*t\b", case.config["velocity_field"])
    assert coefficients, f"cannot read the velocity field {case.config['velocity_field']!r}"
    a, b = map(float, coefficients.groups())

    def velocity(x, t):
        v = a * torch.tanh(x) + b * t
        return Guided(v, v)

    return velocity


def schedule_of(name: str, steps: int):
    return linear_schedule(steps) if name.endswith("_linear") else logsnr_schedule(steps)


@pytest.mark.parametrize("case", cases("samplers"))
def test_oracle_solvers(case: Case):
    velocity = velocity_of(case)
    for steps in case.config["steps"]:
        assert_matches(logsnr_schedule(steps), case.out(f"n{steps}/schedule"), f"schedule of {steps}")
        for output in case.outputs(f"n{steps}/"):
            name = output.split("/")[1]
            if name == "schedule":
                continue
            solver = SOLVER_NAMES[name.removesuffix("_linear")]
            found = solve(solver, velocity, case.given("x_T"), schedule_of(name, steps), lambda step: case.given(f"noise/{step - 1}"))
            assert_matches(found, case.out(output), f"{solver} on {steps} steps ({name})")


@pytest.mark.parametrize("case", cases("samplers"))
def test_oracle_solvers_see_mistakes(case: Case):
    velocity, steps = velocity_of(case), max(case.config["steps"])
    for name in (output.split("/")[1] for output in case.outputs(f"n{steps}/")):
        if name == "schedule" or name.startswith("rk4") or steps == 1:  # RK4 is so exact here that it does not notice its schedule.
            continue
        wrong = solve(SOLVER_NAMES[name], velocity, case.given("x_T"), linear_schedule(steps), lambda step: case.given(f"noise/{step - 1}"))
        assert_caught(wrong, case.out(f"n{steps}/{name}"), f"{name} on the plain linear schedule")
