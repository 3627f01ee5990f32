"""Fixtures for all rooms."""

from __future__ import annotations

import lmdm_train  # noqa: F401 (before torch: it says how torch's threads wait)

# isort: split
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.oracle_cases import ORACLE
from tests.sharing import pytest_runtest_protocol

__all__ = ["pytest_runtest_protocol"]


@pytest.fixture(scope="session")
def oracle() -> Path:
    """The folder of numeric oracles; a test that asks for it is skipped where there is none."""
    if not ORACLE.is_dir():
        pytest.skip(f"no oracle folder {ORACLE}; set LMDM_ORACLE")
    return ORACLE


@pytest.fixture(autouse=True)
def _torch_threads() -> Iterator[None]:
    """Every test starts with the same number of torch threads: sums over another number of threads differ in their last bits."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
