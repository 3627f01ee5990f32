"""Fixtures for all rooms."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle_cases import ORACLE


@pytest.fixture(scope="session")
def oracle() -> Path:
    """The folder of numeric oracles; a test that asks for it is skipped where there is none."""
    if not ORACLE.is_dir():
        pytest.skip(f"no oracle folder {ORACLE}; set LMDM_ORACLE")
    return ORACLE
