"""torch's threads sleep while they wait, whoever loads torch; asked of the OpenMP library itself, in processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

LOADERS = ("lmdm_train.codec.spectral", "lmdm_export.graphs.spec", "benchmarks.floor", "tests.conftest")


def spins(module: str, policy: str | None = None) -> int:
    """How many turns a waiting thread of torch spins in a process that imports `module` first and has that policy in its environment."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_"))}
    environment |= {"OMP_DISPLAY_ENV": "verbose"} | ({} if policy is None else {"OMP_WAIT_POLICY": policy})
    done = subprocess.run([sys.executable, "-c", f"import {module}, torch"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = re.search(r"GOMP_SPINCOUNT = '(\d+|INFINITY)'", done.stderr)
    if found is None:
        pytest.skip("torch's OpenMP library here is not GNU's, which says how long its threads spin")
    return sys.maxsize if found[1] == "INFINITY" else int(found[1])


@pytest.mark.parametrize("module", LOADERS)
def test_threads_sleep_while_they_wait(module: str) -> None:
    assert spins(module) == 0


def test_torch_alone_spins_and_a_choice_of_the_caller_stands() -> None:
    assert spins("torch") > 0
    assert spins("lmdm_export.graphs.spec", policy="ACTIVE") > spins("torch")
