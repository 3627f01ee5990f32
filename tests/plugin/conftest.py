"""The VST3 that was built, and bundles that it plays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmdm_runtime import Bundle
from tests.plugin.artefacts import built, need_host
from tests.plugin.bundles import RATE, write_played_bundle

Environment = dict[str, str | None]


@pytest.fixture(scope="session")
def vst3() -> Path:
    need_host("pedalboard")
    return built("GenerativeDelay.vst3")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_played_bundle(tmp_path_factory.mktemp("instruments") / "tiny")


@pytest.fixture
def home(tmp_path: Path) -> Environment:
    """A musician who has no instrument."""
    return {"HOME": str(tmp_path), "XDG_DATA_HOME": None, "LMDM_BUNDLE": None, "LMDM_PLUGIN_LOG": None, "DISPLAY": "none"}


@pytest.fixture
def installed(home: Environment, bundle: Bundle) -> Environment:
    """One who has the tiny one."""
    return {**home, "LMDM_BUNDLE": str(bundle.folder)}


@pytest.fixture(scope="session")
def tune() -> np.ndarray:
    """Three seconds [2, samples] at the bundle's rate, other on each side."""
    time = np.arange(3 * RATE) / RATE
    notes = sum(np.sin(2 * np.pi * hertz * time) * np.exp(-3 * (time % gap)) for hertz, gap in ((220, 0.31), (331, 0.47)))
    return np.stack((0.2 * notes, 0.15 * np.roll(notes, 777))).astype(np.float32)
