"""Fixtures for all rooms."""

from __future__ import annotations

import lmdm_train  # noqa: F401 (before torch: it says how torch's threads wait)

# isort: split
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from lmdm_runtime.cli import main
from tests.oracle_cases import ORACLE
from tests.sharing import made_once, pytest_runtest_protocol

__all__ = ["pytest_runtest_protocol"]

DEFAULT_CHECKPOINT = Path(__file__).parents[1] / "lmdm_train" / "default" / "default.safetensors"


@pytest.fixture(scope="session")
def oracle() -> Path:
    """The folder of numeric oracles; a test that asks for it is skipped where there is none."""
    if not ORACLE.is_dir():
        pytest.skip(f"no oracle folder {ORACLE}; set LMDM_ORACLE")
    return ORACLE


@pytest.fixture(scope="session")
def default_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default instrument: that of `LMDM_BUNDLE`, or exported now."""
    given = os.environ.get("LMDM_BUNDLE")
    if given:
        return Path(given).resolve()

    def make(folder: Path) -> None:
        done = CliRunner().invoke(main, ["export", str(DEFAULT_CHECKPOINT), "-o", str(folder / "bundle")])
        assert done.exit_code == 0, done.output

    # The preset of the same name is exported with random weights too (tests/bundles.py).
    return made_once(tmp_path_factory, "default-instrument", make) / "bundle"


@pytest.fixture(autouse=True)
def _torch_threads() -> Iterator[None]:
    """Every test starts with the same number of torch threads: sums over another number of threads differ in their last bits."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
