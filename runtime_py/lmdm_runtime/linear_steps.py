"""Solvers whose step is linear, as coefficients: `x' = a x + b v_cond + c v_null + d noise`, one evaluation of the network a step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from lmdm_runtime.errors import SessionError
from lmdm_runtime.solvers import require_solver

LINEAR = ("euler", "ping-pong")
WHY_NOT = {
    "heun": "evaluates the network twice a step",
    "rk4": "evaluates the network four times a step",
    "dpmpp-2m": "carries the estimate of the step before",
}


class StepCoefficients(NamedTuple):
    """One step, in the order of `engines.solver_step.COEFFICIENTS`; `null` is 0 without guidance, `next_t` the level of the next step."""

    x: float
    cond: float
    null: float
    noise: float
    next_t: float


def require_linear(solver: str, guidance: str) -> None:
    """Whether whole blocks of this solver can run as one graph.

    Raises:
        SessionError: its step is not linear in `(x, v_cond, v_null, noise)`.
    """
    require_solver(solver, guidance)
    if solver not in LINEAR:
        raise SessionError(
            f"solver {solver} {WHY_NOT[solver]}, so a block cannot run as one graph and runs step by step; "
            f"choose {' or '.join(LINEAR)} for one graph a block"
        )


def linear_steps(solver: str, guidance: str, scale: float, schedule: Sequence[float]) -> tuple[StepCoefficients, ...]:
    """The steps along noise levels that fall to 0, in float64; `solvers.py` says the same as loops.

    With `v = g v_cond + (1 - g) v_null` (`g` the guidance scale) and `v_renoise` = `v_null` under CFG++, else `v`:
    Euler is `x - t v + t' v_renoise`; ping-pong is `x - t v + t' (noise - x + t v_renoise)`, its last step `x - t v`.

    Raises:
        SessionError: as `require_linear`.
    """
    require_linear(solver, guidance)
    g = 1.0 if guidance == "none" else scale
    steps = []
    for t, t_next in pairwise(schedule):
        fresh = t_next if solver == "ping-pong" else 0.0
        again = t * fresh if solver == "ping-pong" else t_next
        cond, null = -t * g, -t * (1 - g)
        if guidance == "cfg++":
            null += again
        else:
            cond, null = cond + again * g, null + again * (1 - g)
        steps.append(StepCoefficients(1 - fresh, cond, null, fresh, t_next))
    return tuple(steps)
