"""Noise, schedules, solvers, guidance and mixes of the C++ engine against the Python runtime, bit for bit where both compute alike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lmdm_runtime.errors import SessionError
from lmdm_runtime.noise import Noise
from lmdm_runtime.prompts import dominant, normalised_mix
from lmdm_runtime.solvers import CFG_PLUS_PLUS_SOLVERS, SOLVERS, Guided, guide, logsnr_schedule
from tests.runtime_cpp.engine_probe import ask

RNG = np.random.default_rng(17)
SHAPE = (1, 8, 5)
START = RNG.standard_normal(SHAPE).astype(np.float32)
FRESH = [RNG.standard_normal(SHAPE).astype(np.float32) for _ in range(8)]
ADDRESSES = [(0, 0, 0), (1, 2, 3), (2**32 + 7, 5, 1), (2**64 - 1, 2**40 + 9, 2**32 - 1)]


def units_apart(found: Any, expected: np.ndarray) -> np.ndarray:
    """Distance in units of the last place of float32."""
    a, b = np.asarray(found, dtype=np.float32).ravel(), expected.ravel()
    assert a.shape == b.shape
    return np.abs(a.astype(np.float64) - b) / np.spacing(np.maximum(np.abs(a), np.abs(b)))


def test_noise_is_that_of_python_to_the_last_place() -> None:
    count = 40_001
    answers = ask(*({"op": "noise", "seed": s, "block": b, "draw": d, "count": count} for s, b, d in ADDRESSES))
    for (seed, block, draw), answer in zip(ADDRESSES, answers, strict=True):
        apart = units_apart(answer, Noise(seed).block(block, draw, (count,)))
        print(f"seed {seed}: {np.count_nonzero(apart)} of {count} normals differ, by {apart.max():.1f} units of the last place at most")
        assert apart.max() <= 1
        assert units_apart(answer, Noise(seed).block(block, draw ^ 1, (count,))).max() > 1e3, "the control: another draw"


@pytest.mark.parametrize(("start", "end"), [(-6.0, 2.0), (-10.0, 1.5)])
def test_schedules_are_those_of_python(start: float, end: float) -> None:
    counts = [*range(1, 33), 50, 100, 999]
    answers = ask(*({"op": "schedule", "steps": steps, "start": start, "end": end} for steps in counts))
    assert [tuple(levels) for levels in answers] == [logsnr_schedule(steps, start, end) for steps in counts]


def request(solver: str, guidance: str, schedule: tuple[float, ...], scale: float = 2.3) -> dict[str, Any]:
    field = {"field": "bounded", "a": 0.31, "null_a": -0.17, "b": 0.7}
    numbers = {"x": START.ravel().tolist(), "noise": [fresh.ravel().tolist() for fresh in FRESH]}
    return {"op": "solve", "solver": solver, "guidance": guidance, "scale": scale, "schedule": schedule, **field, **numbers}


def python_answer(asked: dict[str, Any]) -> tuple[np.ndarray, list[float]]:
    """The same request through the Python solvers: the data and the levels at which the network was asked."""
    a, null_a, b = (np.float32(asked[name]) for name in ("a", "null_a", "b"))
    levels: list[float] = []

    def velocity(x: np.ndarray, t: float) -> Guided:
        levels.append(t)
        both = [factor * x / (1 + x * x) + b * np.float32(t) for factor in (a, null_a)]
        network = both[0] if asked["guidance"] == "none" else np.concatenate(both)
        return guide(network, asked["guidance"], asked["scale"])

    return SOLVERS[asked["solver"]](velocity, START, asked["schedule"], lambda step: FRESH[step - 1]), levels


@pytest.mark.parametrize("guidance", ["none", "cfg", "cfg++"])
@pytest.mark.parametrize("solver", list(SOLVERS))
def test_solvers_give_the_bits_of_python(solver: str, guidance: str) -> None:
    schedules = [logsnr_schedule(steps) for steps in (1, 2, 4, 7)] + [(1.0, 0.6, 0.25, 0.0), (0.9, 0.3, 0.0)]
    requests = [request(solver, guidance, schedule) for schedule in schedules]
    for asked, answer in zip(requests, ask(*requests), strict=True):
        if guidance == "cfg++" and solver not in CFG_PLUS_PLUS_SOLVERS:
            assert answer["error"].startswith(f"solver {solver} has no cfg++ form")
            continue
        data, levels = python_answer(asked)
        assert data.dtype == np.float32
        assert answer["levels"] == levels
        assert np.array_equal(np.array(answer["x"], dtype=np.float32), data.ravel()), units_apart(answer["x"], data).max()


def test_the_comparison_sees_one_wrong_factor() -> None:
    """The control: the last place of one level, of the scale, or of one noise value."""
    right = request("ping-pong", "cfg++", (1.0, 0.6, 0.25, 0.0))
    level = {**right, "schedule": (1.0, float(np.nextafter(np.float32(0.6), np.float32(1))), 0.25, 0.0)}
    scale = {**right, "scale": float(np.nextafter(np.float32(2.3), np.float32(3)))}
    noise = {**right, "noise": [[*right["noise"][0][:-1], right["noise"][0][-1] + 1e-05], *right["noise"][1:]]}
    data, _ = python_answer(right)
    for answer in ask(level, scale, noise):
        assert not np.array_equal(np.array(answer["x"], dtype=np.float32), data.ravel())


def test_mixes_are_those_of_python() -> None:
    mixes: list[list[tuple[str, float]]] = [[(f"p{i}", float(w)) for i, w in enumerate(RNG.random(n) * 10)] for n in range(1, 30)]
    mixes += [[("a", 0.0), ("b", 1.0)], [("a", 1.0), ("b", 1.0)], [("a", 1e-300), ("b", 1e300)]]
    answers = ask(*({"op": "mix", "prompts": [(prompt, repr(weight)) for prompt, weight in mix]} for mix in mixes))
    for mix, answer in zip(mixes, answers, strict=True):
        expected = normalised_mix(mix)
        assert answer["dominant"] == dominant(expected)
        np.testing.assert_allclose(answer["weights"], [weight for _, weight in expected], rtol=1e-15)


@pytest.mark.parametrize(
    "weights", [[], [0.0], [1.0, -1e-05], [math.nan], [math.inf, 1.0], [1e308, 1e308], [-0.0, 123456789012345680.0, -3.5]]
)
def test_bad_weights_are_refused_in_the_same_words(weights: list[float]) -> None:
    with pytest.raises(SessionError) as refused:
        normalised_mix([("p", weight) for weight in weights])
    (answer,) = ask({"op": "mix", "prompts": [("p", repr(weight)) for weight in weights]})
    assert answer == {"error": str(refused.value), "kind": 2}


def test_numbers_and_text_are_spelled_as_python_spells_them() -> None:
    numbers = [
        0.0,
        -0.0,
        1.0,
        0.1,
        1e-4,
        1e-5,
        1.5e-7,
        1e15,
        1e16,
        123456.789,
        5e-324,
        1.7976931348623157e308,
        math.inf,
        -math.inf,
        math.nan,
    ]
    numbers += [float(x) for x in np.exp(RNG.uniform(-60, 60, 200)) * RNG.choice([-1, 1], 200)]
    texts = ["techno", "it's", 'say "it"', 'it\'s "it"', "a\nb\tc\\d\r\x01\x7f", "größer", "テクノ", "x" * 100, "'" * 70, ""]
    (answer,) = ask({"op": "spell", "numbers": [repr(x) for x in numbers], "texts": texts})
    assert answer == [repr(x) for x in numbers] + [f"{text!r:.60}" for text in texts]
