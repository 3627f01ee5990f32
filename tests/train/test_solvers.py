"""Schedules, solvers and guidance: numbers of the reference, order of convergence, the forms of CFG++, and refusals."""

from __future__ import annotations

import math

import pytest
import torch

from lmdm_train.errors import SamplingError
from lmdm_train.sampling import Guidance, Guided, cfg, linear_schedule, logsnr_schedule, shift_for_length, shift_levels, solve
from lmdm_train.sampling.solvers import SOLVERS, require_guidance


def plain(field):
    def velocity(x, t):
        v = field(x, t)
        return Guided(v, v)

    return velocity


def curved(x, t):
    return 0.5 * torch.tanh(x) + 0.1 * t


@pytest.mark.parametrize(
    ("steps", "levels"),
    [
        (1, [1, 0]),
        (2, [1, 0.8808, 0]),
        (4, [1, 0.982, 0.8808, 0.5, 0]),
        (6, [1, 0.9907, 0.9656, 0.8808, 0.6608, 0.3392, 0]),
        (8, [1, 0.9933, 0.982, 0.9526, 0.8808, 0.7311, 0.5, 0.2689, 0]),
    ],
)
def test_logsnr_schedule_is_that_of_the_reference(steps, levels):
    schedule = logsnr_schedule(steps)
    assert schedule.dtype == torch.float32
    assert schedule.tolist() == pytest.approx(levels, abs=5e-5)
    assert (schedule[0], schedule[-1]) == (1, 0)


def test_distribution_shift_keeps_the_ends_and_has_the_published_strengths():
    assert shift_for_length(240) == pytest.approx(math.exp(0.5))
    assert shift_for_length(768) == pytest.approx(1.798, abs=1e-3)
    shifted = shift_levels(linear_schedule(4), shift_for_length(768))
    assert shifted.tolist() == pytest.approx([1, 0.8436, 0.6426, 0.3747, 0], abs=1e-4)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2), ("rk4", 4), ("dpmpp-2m", 2)])
def test_solver_converges_with_its_order(solver, order):
    # A Gaussian flow, x_0 ~ N(mean, spread²): its velocity depends on x and t, and its exact end point is known. The levels go on to
    # a log-SNR of 6, so that the last step, which DPM-Solver++ takes at first order, is too short to matter.
    mean, spread = 0.3, 0.6

    def field(x, t):
        variance = (1 - t) ** 2 * spread**2 + t**2
        x0 = mean + (1 - t) * spread**2 / variance * (x - (1 - t) * mean)
        noise = t / variance * (x - (1 - t) * mean)
        return noise - x0

    x = torch.linspace(-2, 2, 5, dtype=torch.float64)
    exact = mean + spread * x
    errors = []
    for steps in (32, 64):
        levels = torch.sigmoid(-torch.linspace(-6, 6, steps + 1, dtype=torch.float64))
        schedule = [1.0, *levels[1:].tolist(), 0.0]
        errors.append((solve(solver, plain(field), x, schedule) - exact).abs().max().item())
    assert math.log2(errors[0] / errors[1]) > order - 0.2
    assert errors[1] < 0.1


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_step_from_noise_of_a_constant_velocity_is_exact(solver):
    x = torch.randn(2, 3, 4)
    target = torch.randn(2, 3, 4)
    out = solve(solver, plain(lambda _x, _t: x - target), x, [1.0, 0.0])
    assert torch.allclose(out, target, atol=1e-6)


def test_ping_pong_renoises_the_clean_estimate():
    x, noise = torch.randn(1, 2, 3), {1: torch.randn(1, 2, 3)}
    first = x - curved(x, 1.0)
    again = 0.5 * first + 0.5 * noise[1]
    expected = again - 0.5 * curved(again, 0.5)
    assert torch.allclose(solve("ping-pong", plain(curved), x, [1.0, 0.5, 0.0], noise.__getitem__), expected, atol=1e-6)


def test_p4_renoises_with_the_null_velocity():
    v_cond, v_null, x, noise = (torch.randn(1, 2, 3) for _ in range(4))
    scale, t, t_next = 0.7, 0.8, 0.5
    guided = Guidance("cfg++", scale).combine(torch.cat((v_cond, v_null)))
    after_one = (x - t * cfg(v_cond, v_null, scale)) + t_next * (noise - (x - t * v_null))
    out = solve("ping-pong", lambda _x, _t: guided, x, [t, t_next, 0.0], lambda _step: noise)
    assert torch.allclose(out, after_one - t_next * guided.v, atol=1e-6)
    control = solve("ping-pong", lambda _x, _t: Guided(guided.v, guided.v), x, [t, t_next, 0.0], lambda _step: noise)
    assert (out - control).abs().max() > 1e-2


def test_euler_with_cfg_plus_plus_renoises_with_the_null_velocity():
    v_cond, v_null, x = (torch.randn(1, 2, 3) for _ in range(3))
    guided = Guidance("cfg++", 0.7).combine(torch.cat((v_cond, v_null)))
    out = solve("euler", lambda _x, _t: guided, x, [0.8, 0.5, 0.0])
    after_one = (x - 0.8 * guided.v) + 0.5 * v_null
    assert torch.allclose(out, after_one - 0.5 * guided.v, atol=1e-6)


def test_guidance_puts_conditioned_items_first_and_nulls_only_text():
    guidance = Guidance("cfg", 3.0)
    tokens = torch.randn(2, 3, 4)
    assert torch.equal(guidance.null_text(tokens), torch.cat((tokens, torch.zeros_like(tokens))))
    assert torch.equal(guidance.tile(tokens), torch.cat((tokens, tokens)))
    velocity = torch.randn(4, 3, 4)
    guided = guidance.combine(velocity)
    assert torch.allclose(guided.v, velocity[2:] + 3 * (velocity[:2] - velocity[2:]))
    assert guided.v_renoise is guided.v
    assert Guidance("cfg++", 3.0).combine(velocity).v_renoise.equal(velocity[2:])


@pytest.mark.parametrize("solver", ["heun", "rk4", "dpmpp-2m"])
def test_cfg_plus_plus_is_refused_where_a_solver_has_no_such_form(solver):
    with pytest.raises(SamplingError, match=rf"solver {solver} has no cfg\+\+ form.*euler and ping-pong"):
        require_guidance(solver, "cfg++")
    v = torch.zeros(1, 1, 1)
    with pytest.raises(SamplingError, match=r"cfg\+\+"):
        solve(solver, lambda x, t: Guided(v, v.clone()), v, [1.0, 0.0])


def test_bad_input_is_refused_in_a_sentence():
    x, velocity = torch.zeros(1, 1, 1), plain(curved)
    with pytest.raises(SamplingError, match="at least 1 step, found 0"):
        logsnr_schedule(0)
    with pytest.raises(SamplingError, match="the end must lie above the start"):
        logsnr_schedule(4, start=2, end=-6)
    with pytest.raises(SamplingError, match="choose one of euler, heun"):
        solve("unipc", velocity, x, [1.0, 0.0])
    with pytest.raises(SamplingError, match="falls from at most 1 to exactly 0"):
        solve("euler", velocity, x, [1.0, 0.5])
    with pytest.raises(SamplingError, match="was given no noise"):
        solve("ping-pong", velocity, x, [1.0, 0.5, 0.0])
