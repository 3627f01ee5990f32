"""Variants in the C++ runtime: it plays them to the sample as Python does, and its validation sends them to the right command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from lmdm_runtime.cli import main
from tests.runtime_cpp.programs import built

Sealed = Callable[[str], Path]
# The same library runs the same graphs, so that only what is around them can differ: noise and mixes, in their last bits.
CLOSE = 2e-4


def ran(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {"VIRTUAL_ENV": sys.prefix, **os.environ}
    return subprocess.run([built(name), *map(str, arguments)], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize("kind", ["float16", "int8", "int8-static", "int8-blocks"])
def test_both_runtimes_play_a_variant_alike(sealed: Sealed, tmp_path: Path, kind: str) -> None:
    folder = sealed(kind)
    options = ["--prompt", "fast drums and bass", "--seconds", "1", "--seed", "3", "--threads", "1"]
    played = CliRunner().invoke(main, ["generate", str(folder), *options, "-o", str(tmp_path / "python.wav")])
    assert played.exit_code == 0, played.output
    done = ran("lmdm-run", folder, *options, "-o", tmp_path / "cpp.wav")
    assert done.returncode == 0, done.stderr
    python, cpp = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("python", "cpp"))
    assert np.abs(python).max() > 0.01
    assert np.abs(python - cpp).max() <= CLOSE
    # Control: another precision is heard.
    CliRunner().invoke(
        main, ["generate", str(sealed("int8" if kind != "int8" else "int8-static")), *options, "-o", str(tmp_path / "b.wav")]
    )
    assert np.abs(python - soundfile.read(tmp_path / "b.wav")[0]).max() > 10 * CLOSE


def test_validation_in_cpp_names_the_command_for_a_variant(sealed: Sealed) -> None:
    folder = sealed("int8")
    done = ran("lmdm-validate", folder)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert f"{folder} is in int8, to which bounds of float32 do not apply; run: lmdm validate {folder}" in line
