"""The table of engines: what it names, and what is said where one of them cannot be used."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lmdm_runtime.backends import DEFAULT, ENGINES, make_backend
from lmdm_runtime.backends.onnxruntime import OrtBackend
from lmdm_runtime.cli import main
from lmdm_runtime.errors import LmdmError
from tests.runtime.conftest import Tiny

ROOT = Path(__file__).resolve().parents[2]
# sys.argv[1] is the package that is absent, or broken where sys.argv[2] says so.
WITHOUT = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise (ImportError("libtbb.so.12: cannot open shared object file") if sys.argv[2] == "broken"
                   else ModuleNotFoundError(f"No module named {name!r}", name=name))

sys.meta_path.insert(0, Blocker())
from lmdm_runtime.cli import main
main(sys.argv[3:])
"""


def without(package: str, how: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT, package, how, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)


def test_the_default_is_onnx_runtime(tiny: Tiny):
    assert DEFAULT in ENGINES
    backend = make_backend(DEFAULT, tiny.bundle, 1)
    assert isinstance(backend, OrtBackend)
    assert (backend.name, backend.precision, backend.options.threads) == (DEFAULT, "float32", 1)


def test_every_target_is_a_module_of_the_runtime():
    """Found, not imported: a module may load a library that this process must not have."""
    for entry in ENGINES.values():
        module, _, attribute = entry.target.partition(":")
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        assert f"class {attribute}(" in Path(spec.origin).read_text()


def test_an_unknown_engine_is_refused_with_those_that_there_are(tiny: Tiny):
    with pytest.raises(LmdmError, match="no engine 'best'; the engines are onnxruntime, openvino"):
        make_backend("best", tiny.bundle)
    result = CliRunner().invoke(main, ["stream", str(tiny.folder), "--engine", "best"])
    assert result.exit_code == 2
    assert ", ".join(repr(name) for name in (*ENGINES, "native")) in result.stderr


@pytest.mark.parametrize("engine", ["openvino", "openvino-bf16"])
def test_an_absent_package_is_one_sentence_with_its_command(tiny: Tiny, tmp_path: Path, engine: str):
    arguments = ("generate", tiny.folder, "-o", tmp_path / "out.wav", "--seconds", 1, "--json", "--engine")
    made = without("openvino", "absent", *arguments, engine)
    assert made.returncode == 1
    sentence = made.stderr.strip()
    assert sentence.startswith(f"error: engine {engine} needs the Python package openvino, which is not installed; run: pip install ")
    assert "[openvino]" in sentence
    assert len(sentence.splitlines()) == 1
    # The control: the other engines do not need it.
    made = without("openvino", "absent", *arguments, "onnxruntime")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["seconds"] == 1


def test_a_library_that_does_not_load_is_one_sentence(tiny: Tiny, tmp_path: Path):
    made = without("openvino", "broken", "stream", tiny.folder, "--dry", "--engine", "openvino")
    assert made.returncode == 1
    assert made.stderr.strip().startswith("error: engine openvino cannot be loaded (libtbb.so.12: cannot open shared object file); run: ")
