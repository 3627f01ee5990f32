"""Solvers of the flow from noise to data on numpy arrays: Euler, Heun, RK4, DPM-Solver++(2M), ping-pong and ping-pong++ (P4).

The same lines as the reference: with `x_t = (1-t) x_0 + t ε` and `v = ε - x_0`, a velocity gives `x_0 = x - t v`. Levels and coefficients
are Python floats and meet float32 arrays only as factors. A solver draws `noise(j)` after step j, counted from 1, except after the last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmdm_runtime.errors import SessionError

Array = NDArray[np.floating[Any]]


class Guided(NamedTuple):
    """Guided velocities [1, C, o]: `v` denoises, `v_renoise` leads back to the next level (the null velocity under CFG++, else `v`)."""

    v: Array
    v_renoise: Array


Velocity = Callable[[Array, float], Guided]
StepNoise = Callable[[int], Array]
Solver = Callable[[Velocity, Array, Sequence[float], StepNoise], Array]


def guide(velocity: Array, guidance: str, scale: float) -> Guided:
    """Network velocity [batch, C, o], batch 2 = prompt then null -> guided velocities (paper App. B, below eq. 8, and eq. 10)."""
    if guidance == "none":
        return Guided(velocity, velocity)
    v_cond, v_null = velocity[:1], velocity[1:]
    v = v_null + scale * (v_cond - v_null)
    return Guided(v, v_null if guidance == "cfg++" else v)


def half_logsnr(t: float) -> float:
    """`log((1-t)/t)`, with its limits -inf at pure noise and +inf at data."""
    if t >= 1:
        return -math.inf
    return math.inf if t <= 0 else math.log((1 - t) / t)


def logsnr_schedule(steps: int, start: float = -6.0, end: float = 2.0) -> tuple[float, ...]:
    """Levels [steps + 1] evenly spaced in `log((1-t)/t)`, the first 1 and the last 0, rounded to float32 as a bundle stores them."""
    levels = (1 / (1 + np.exp(np.linspace(start, end, steps + 1)))).astype(np.float32)
    levels[0], levels[-1] = 1.0, 0.0
    return tuple(float(t) for t in levels)


def euler(velocity: Velocity, x: Array, schedule: Sequence[float], noise: StepNoise) -> Array:
    """`x_0 + t_next v_renoise`: Euler when both velocities are one, CFG++ otherwise."""
    for t, t_next in pairwise(schedule):
        guided = velocity(x, t)
        x = (x - t * guided.v) + t_next * guided.v_renoise
    return x


def heun(velocity: Velocity, x: Array, schedule: Sequence[float], noise: StepNoise) -> Array:
    """Two evaluations a step, the second at `t_next`."""
    for t, t_next in pairwise(schedule):
        dt = t_next - t
        v1 = velocity(x, t).v
        v2 = velocity(x + dt * v1, t_next).v
        x = x + (dt / 2) * (v1 + v2)
    return x


def rk4(velocity: Velocity, x: Array, schedule: Sequence[float], noise: StepNoise) -> Array:
    """Four evaluations a step: at `t`, twice half-way, and at `t_next`."""
    for t, t_next in pairwise(schedule):
        dt = t_next - t
        v1 = velocity(x, t).v
        v2 = velocity(x + (dt / 2) * v1, t + dt / 2).v
        v3 = velocity(x + (dt / 2) * v2, t + dt / 2).v
        v4 = velocity(x + dt * v3, t_next).v
        x = x + (dt / 6) * (v1 + 2 * v2 + 2 * v3 + v4)
    return x


def dpmpp_2m(velocity: Velocity, x: Array, schedule: Sequence[float], noise: StepNoise) -> Array:
    """DPM-Solver++(2M) (Lu et al. 2022, α = 1-t, σ = t); first-order wherever a half log-SNR is infinite."""
    previous, h_last = None, math.inf
    for t, t_next in pairwise(schedule):
        h = half_logsnr(t_next) - half_logsnr(t)
        weight = 0.0 if math.isinf(h) or math.isinf(h_last) else h / (2 * h_last)
        estimate = x - t * velocity(x, t).v
        target = estimate if previous is None else estimate + weight * (estimate - previous)
        x = (t_next / t) * x - ((1 - t_next) * math.expm1(-h)) * target
        previous, h_last = estimate, h
    return x


def ping_pong(velocity: Velocity, x: Array, schedule: Sequence[float], noise: StepNoise) -> Array:
    """Denoise, then renoise with fresh noise (paper eq. 9); P4 when the velocity is guided by CFG++ (eq. 10)."""
    last = len(schedule) - 1
    for step, (t, t_next) in enumerate(pairwise(schedule), start=1):
        guided = velocity(x, t)
        x0 = x - t * guided.v
        x = x0 if step == last else x0 + t_next * (noise(step) - (x - t * guided.v_renoise))
    return x


SOLVERS: dict[str, Solver] = {"euler": euler, "heun": heun, "rk4": rk4, "dpmpp-2m": dpmpp_2m, "ping-pong": ping_pong}
CFG_PLUS_PLUS_SOLVERS = ("euler", "ping-pong")


def require_solver(solver: str, guidance: str) -> Solver:
    """The solver of that name.

    Raises:
        SessionError: unknown, or without a form for CFG++ where the bundle asks for it.
    """
    if solver not in SOLVERS:
        raise SessionError(f"unknown solver {solver!r}; choose one of {', '.join(SOLVERS)}")
    if guidance == "cfg++" and solver not in CFG_PLUS_PLUS_SOLVERS:
        raise SessionError(f"solver {solver} has no cfg++ form, which this bundle uses; choose {' or '.join(CFG_PLUS_PLUS_SOLVERS)}")
    return SOLVERS[solver]


def require_schedule(levels: Sequence[float]) -> tuple[float, ...]:
    """The levels as floats.

    Raises:
        SessionError: they do not fall from at most 1 to exactly 0.
    """
    levels = tuple(float(t) for t in levels)
    if len(levels) < 2 or levels[-1] != 0 or levels[0] > 1 or any(not t > t_next for t, t_next in pairwise(levels)):
        raise SessionError(f"a schedule falls from at most 1 to exactly 0 in one step or more, found {levels}")
    return levels
