"""The C++ engine against the Python runtime over closed loops: same bundle, same noise, the same samples to 1e-5."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from lmdm_runtime import load_bundle
from lmdm_runtime.settings import Tuning
from tests.runtime.conftest import Tiny, make_tiny
from tests.runtime.tiny_sketch import sketched_tiny
from tests.runtime_cpp.programs import built
from tests.runtime_cpp.scenarios import Scenario, played_in_cpp, played_in_python, steered

BLOCKS = 64
SAME, SEEN = 1e-5, 1e-3


@pytest.fixture(scope="module", autouse=True)
def _program() -> None:
    built("lmdm-validate")


def furthest(scenario: Scenario, folder: Path, other: Scenario | None = None) -> tuple[float, float]:
    """Largest difference of latents and of audio between Python and C++, which may play another scenario."""
    expected, found = played_in_python(scenario), played_in_cpp(other or scenario, folder)
    assert all(np.isfinite(values).all() for values in (*expected, *found))
    latents, audio = (float(np.abs(a - b).max()) for a, b in zip(expected, found, strict=True))
    print(f"{scenario.bundle.manifest.name}: latents {latents:.2g}, audio {audio:.2g} over {scenario.blocks} blocks")
    return latents, audio


SMALL: dict[str, Callable[[Path], Tiny]] = {
    "encoder-decoder": lambda folder: make_tiny(folder, "encoder-decoder"),
    "block-causal": lambda folder: make_tiny(folder, "block-causal"),
    "codec that looks ahead": lambda folder: make_tiny(folder, "block-causal", "context"),
    "codec that crossfades": lambda folder: make_tiny(folder, "encoder-decoder", "fade"),
    "ping-pong++": lambda folder: make_tiny(folder, "encoder-decoder", solver="ping-pong", guidance="cfg++"),
    "sketched": lambda folder: sketched_tiny(folder, "encoder-decoder"),
    "sketched, block-causal": lambda folder: sketched_tiny(folder, "block-causal"),
}


@pytest.mark.parametrize("kind", list(SMALL))
def test_small_bundles(kind: str, tmp_path: Path):
    scenario = steered(SMALL[kind](tmp_path / "bundle").bundle, BLOCKS, primed=True)
    assert max(furthest(scenario, tmp_path / "played")) <= SAME


@pytest.mark.parametrize(
    "settings", [{"steps": 2}, {"guidance_scale": 3.0}, {"solver": "heun"}, {"solver": "dpmpp-2m", "steps": 7}], ids=str
)
def test_settings(settings: dict[str, Any], tmp_path: Path):
    scenario = steered(make_tiny(tmp_path / "bundle", "block-causal").bundle, 12, **settings)
    assert max(furthest(scenario, tmp_path / "played")) <= SAME
    assert max(furthest(scenario, tmp_path / "other", replace(scenario, settings={}))) > SEEN


@pytest.mark.parametrize("pattern", ["encoder-decoder", "block-causal"])
def test_what_differs_is_seen(pattern: str, tmp_path: Path):
    scenario = steered(make_tiny(tmp_path / "bundle", pattern).bundle, 16, primed=True)
    first = next(iter(scenario.controls))
    others = {
        "noise of another seed": replace(scenario, seed=scenario.seed + 1),
        "a prompt that is late": scenario.later(),
        "a control that is one frame late": replace(scenario, controls={first: np.roll(scenario.controls[first], 1, axis=1)}),
        "another beginning": replace(scenario, prime=scenario.prime[:, ::-1] if scenario.prime is not None else None),
    }
    for name, other in others.items():
        assert max(furthest(scenario, tmp_path / name.replace(" ", "-"), other)) > SEEN, name


TUNINGS: dict[int, Tuning] = {
    1: {"seed": 2**64 - 3, "feedback": 0.75},
    5: {"steps": 2, "guidance_scale": 3.0},
    9: {"hold_noise": True},
    13: {"hold_noise": False, "context_drop": 1, "steps": 0},
    18: {"feedback": 0.0},
    22: {"feedback": 1.0, "seed": 7},
}


def without(tunings: dict[int, Tuning], block: int, name: str) -> dict[int, Tuning]:
    """The tunings, one value of which got lost."""
    return {at: tuning if at != block else cast(Tuning, {k: v for k, v in tuning.items() if k != name}) for at, tuning in tunings.items()}


@pytest.mark.parametrize("pattern", ["encoder-decoder", "block-causal"])
def test_tunings(pattern: str, tmp_path: Path):
    scenario = replace(steered(sketched_tiny(tmp_path / "bundle", pattern).bundle, BLOCKS), tunings=TUNINGS)
    scenario = replace(scenario, strengths={2: {"loudness": 0.25}, 30: {"loudness": 0.0}, 40: {"loudness": 0.9}})
    assert max(furthest(scenario, tmp_path / "played")) <= SAME
    for block, tuning in TUNINGS.items():
        for name in tuning:
            other = replace(scenario, tunings=without(TUNINGS, block, name))
            assert max(furthest(scenario, tmp_path / f"{block}-{name}", other)) > SEEN, (block, name)
    assert max(furthest(scenario, tmp_path / "strength", replace(scenario, strengths={}))) > SEEN


EXPORTED = [
    "tiny",
    "tiny-bc",
    "tiny-plain",
    "tiny-spectral",
    "tiny-control",
    "tiny-sketch",
    "tiny-sketch-bc",
    "tiny-accompaniment",
    "default",
]


@pytest.mark.heavy
@pytest.mark.parametrize("name", EXPORTED)
def test_exported_bundles(name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory):
    pytest.importorskip("torch")
    from tests.bundles import small_bundle

    scenario = steered(load_bundle(small_bundle(tmp_path_factory, name).bundle), BLOCKS)
    assert max(furthest(scenario, tmp_path / "played")) <= SAME
    assert max(furthest(replace(scenario, blocks=10), tmp_path / "late", replace(scenario.later(), blocks=10))) > SEEN
