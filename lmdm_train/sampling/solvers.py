"""Solvers of the flow from noise to data: Euler, Heun, RK4, DPM-Solver++(2M), ping-pong and ping-pong++ (P4).

With `x_t = (1-t) x_0 + t ε` and `v = ε - x_0`, a velocity gives the clean estimate `x_0 = x - t v`. `t` falls to `t_next` in each step.
Noise levels and coefficients are Python floats (float64) and meet tensors only as factors, so that the same lines on float32 arrays of
another library give the same numbers to rounding. A solver draws `noise(j)` after step j, counted from 1, except after the last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from lmdm_train.config import GuidanceKind, SolverName
from lmdm_train.errors import SamplingError
from lmdm_train.sampling.guidance import Guided

Velocity = Callable[[Tensor, float], Guided]
StepNoise = Callable[[int], Tensor]
Solver = Callable[[Velocity, Tensor, Sequence[float], StepNoise | None], Tensor]


def euler_step(x: Tensor, guided: Guided, t: float, t_next: float) -> Tensor:
    """`x_0 + t_next v_renoise`: Euler when both velocities are one, CFG++ otherwise."""
    return (x - t * guided.v) + t_next * guided.v_renoise


def ping_pong_step(x: Tensor, guided: Guided, t: float, t_next: float, noise: Tensor | None) -> Tensor:
    """Denoise, then renoise with fresh noise: ping-pong (paper eq. 9), or P4 when the velocities differ (eq. 10).

    `noise` is None in the last step only, where its factor is 0.
    """
    x0 = x - t * guided.v
    return x0 if noise is None else x0 + t_next * (noise - (x - t * guided.v_renoise))


def dpmpp_step(x: Tensor, estimate: Tensor, t: float, t_next: float) -> Tensor:
    """First-order exponential step towards the clean `estimate` (Lu et al. 2022, DPM-Solver++, with α = 1-t and σ = t)."""
    h = half_logsnr(t_next) - half_logsnr(t)
    return (t_next / t) * x - ((1 - t_next) * math.expm1(-h)) * estimate


def half_logsnr(t: float) -> float:
    """`log((1-t)/t)`, with its limits -inf at pure noise and +inf at data."""
    if t >= 1:
        return -math.inf
    return math.inf if t <= 0 else math.log((1 - t) / t)


def euler(velocity: Velocity, x: Tensor, schedule: Sequence[float], noise: StepNoise | None = None) -> Tensor:
    for t, t_next in pairwise(schedule):
        x = euler_step(x, velocity(x, t), t, t_next)
    return x


def heun(velocity: Velocity, x: Tensor, schedule: Sequence[float], noise: StepNoise | None = None) -> Tensor:
    """Two evaluations a step, the second at `t_next`; the velocity of a flow is finite at 0, so the last step needs no exception."""
    v = _plain(velocity, "heun")
    for t, t_next in pairwise(schedule):
        dt = t_next - t
        v1 = v(x, t)
        v2 = v(x + dt * v1, t_next)
        x = x + (dt / 2) * (v1 + v2)
    return x


def rk4(velocity: Velocity, x: Tensor, schedule: Sequence[float], noise: StepNoise | None = None) -> Tensor:
    """Four evaluations a step: at `t`, twice half-way, and at `t_next`."""
    v = _plain(velocity, "rk4")
    for t, t_next in pairwise(schedule):
        dt = t_next - t
        v1 = v(x, t)
        v2 = v(x + (dt / 2) * v1, t + dt / 2)
        v3 = v(x + (dt / 2) * v2, t + dt / 2)
        v4 = v(x + dt * v3, t_next)
        x = x + (dt / 6) * (v1 + 2 * v2 + 2 * v3 + v4)
    return x


def dpmpp_2m(velocity: Velocity, x: Tensor, schedule: Sequence[float], noise: StepNoise | None = None) -> Tensor:
    """DPM-Solver++(2M), one evaluation a step; extrapolates the clean estimate from the step before.

    The extrapolation weight `h / (2 h_last)` is 0 where either is infinite: in the first step, which leaves t = 1, in the second, whose
    past is that one, and in the last, which lands on the estimate itself. So schedules of fewer than 4 steps stay first-order, as in
    the reference.
    """
    v = _plain(velocity, "dpmpp-2m")
    previous, h_last = None, math.inf
    for t, t_next in pairwise(schedule):
        h = half_logsnr(t_next) - half_logsnr(t)
        weight = 0.0 if math.isinf(h) or math.isinf(h_last) else h / (2 * h_last)
        estimate = x - t * v(x, t)
        x = dpmpp_step(x, estimate if previous is None else estimate + weight * (estimate - previous), t, t_next)
        previous, h_last = estimate, h
    return x


def ping_pong(velocity: Velocity, x: Tensor, schedule: Sequence[float], noise: StepNoise | None = None) -> Tensor:
    """The stochastic few-step solver of consistency-style models; P4 when the velocity is guided by CFG++ (paper App. B)."""
    steps = len(schedule) - 1
    if noise is None and steps > 1:
        raise SamplingError(f"ping-pong renoises after each of its first {steps - 1} steps and was given no noise; pass noise(step)")
    for step, t, t_next in _numbered(schedule):
        fresh = noise(step) if noise is not None and step < steps else None
        x = ping_pong_step(x, velocity(x, t), t, t_next, fresh)
    return x


SOLVERS: dict[SolverName, Solver] = {"euler": euler, "heun": heun, "rk4": rk4, "dpmpp-2m": dpmpp_2m, "ping-pong": ping_pong}
CFG_PLUS_PLUS_SOLVERS: tuple[SolverName, ...] = ("euler", "ping-pong")


def solve(name: SolverName, velocity: Velocity, x: Tensor, schedule: Tensor | Sequence[float], noise: StepNoise | None = None) -> Tensor:
    """Runs one solver from noise to a clean block.

    Args:
        name: a key of `SOLVERS`.
        velocity: `velocity(x, t)` at noise level `t`; Heun calls it twice and RK4 four times a step.
        x: the start, usually pure noise [B, C, frames].
        schedule: decreasing levels [steps + 1], the last 0.
        noise: `noise(step)` after step 1, 2, ..., steps - 1, for ping-pong only.

    Raises:
        SamplingError: unknown solver, a schedule that does not fall to 0, missing noise, or CFG++ with a solver that has no CFG++ form.
    """
    if name not in SOLVERS:
        raise SamplingError(f"unknown solver {name!r}; choose one of {', '.join(SOLVERS)}")
    return SOLVERS[name](velocity, x, _checked(schedule), noise)


def require_guidance(solver: SolverName, guidance: GuidanceKind) -> None:
    """Refuses CFG++ for solvers without a CFG++ form, before any block is made."""
    if guidance == "cfg++" and solver not in CFG_PLUS_PLUS_SOLVERS:
        raise SamplingError(
            f"solver {solver} has no cfg++ form, which exists for {' and '.join(CFG_PLUS_PLUS_SOLVERS)}; "
            "choose one of these or set guidance to cfg"
        )


def _plain(velocity: Velocity, solver: SolverName) -> Callable[[Tensor, float], Tensor]:
    def v(x: Tensor, t: float) -> Tensor:
        guided = velocity(x, t)
        if guided.v_renoise is not guided.v:
            require_guidance(solver, "cfg++")
        return guided.v

    return v


def _numbered(schedule: Sequence[float]) -> Iterator[tuple[int, float, float]]:
    return ((step, t, t_next) for step, (t, t_next) in enumerate(pairwise(schedule), start=1))


def _checked(schedule: Tensor | Sequence[float]) -> list[float]:
    levels = [float(t) for t in schedule]
    if len(levels) < 2 or levels[-1] != 0 or levels[0] > 1 or any(t <= t_next for t, t_next in pairwise(levels)):
        raise SamplingError(f"a schedule falls from at most 1 to exactly 0 in one step or more, found {levels}")
    return levels
