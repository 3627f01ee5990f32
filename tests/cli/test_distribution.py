"""What is built from the checkout: every folder of modules is a package, and data that code reads travels with it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from lmdm_runtime.cli.commands import COMMANDS

ROOT = Path(__file__).parents[2]
ROOMS = (ROOT / "lmdm_train", ROOT / "lmdm_export", ROOT / "runtime_py" / "lmdm_runtime")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_folder_of_modules_is_a_package(room: Path) -> None:
    folders = {path.parent for path in room.rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_the_runtime_alone_needs_no_torch_and_no_onnx_tools() -> None:
    names = {requirement.partition(">")[0].partition("=")[0] for requirement in PROJECT["project"]["dependencies"]}
    assert not names & {"torch", "onnx", "onnxscript", "onnxsim", "polygraphy", "pydantic", "matplotlib", "onnxruntime-gpu"}


def test_every_extra_that_a_command_names_exists() -> None:
    assert {entry.extra for entry in COMMANDS.values()} - {None} <= set(PROJECT["project"]["optional-dependencies"])


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_data_beside_the_code_is_packaged(room: Path) -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    packaged = {path for package, globs in patterns.items() for glob in globs for path in _folder(package).glob(glob)}
    beside = {path for path in room.rglob("*") if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts}
    assert sorted(map(str, beside - packaged)) == []


def _folder(package: str) -> Path:
    parent = ROOT / "runtime_py" if package.startswith("lmdm_runtime") else ROOT
    return parent / Path(*package.split("."))
