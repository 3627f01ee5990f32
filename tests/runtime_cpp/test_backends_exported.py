"""Graphs that were really exported, run by the C++ backend, against torch's answers in the bundle's fixtures."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from tests.bundles import small_bundle
from tests.runtime.test_exported_controls import CONFIGS
from tests.runtime_cpp.programs import built

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize("name", list(CONFIGS))
def test_every_graph_answers_as_torch(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    program = built("backends_test")
    exported = small_bundle(tmp_path_factory, CONFIGS[name]()).bundle
    environment = {**os.environ, "VIRTUAL_ENV": sys.prefix, "LMDM_TEST_EXPORTED": str(exported)}
    # Its tests are named after the folder.
    command = [program, f"--gtest_filter=Bundles/Fixtures.*/{exported.name}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[  PASSED  ] 3 tests" in done.stdout, done.stdout
