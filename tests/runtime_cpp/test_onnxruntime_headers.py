"""Where CMake finds the headers of ONNX Runtime, and what it says where it does not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[2] / "cmake" / "FindOnnxRuntimeHeaders.cmake"
PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(headers LANGUAGES NONE)
list(PREPEND CMAKE_MODULE_PATH ${CMAKE_SOURCE_DIR}/cmake)
set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF)
set(CMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH OFF)
find_package(OnnxRuntimeHeaders 1.17 REQUIRED)
get_target_property(folder OnnxRuntime::Headers INTERFACE_INCLUDE_DIRECTORIES)
message(STATUS "version=${OnnxRuntimeHeaders_VERSION} folder=${folder}")
"""

pytestmark = pytest.mark.skipif(shutil.which("cmake") is None, reason="no cmake on PATH")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project with the module and nothing fetched."""
    (tmp_path / "cmake").mkdir()
    shutil.copy(MODULE, tmp_path / "cmake")
    (tmp_path / "CMakeLists.txt").write_text(PROJECT)
    return tmp_path


def headers(folder: Path, api: int = 23) -> Path:
    folder.mkdir(parents=True)
    (folder / "onnxruntime_cxx_api.h").touch()
    (folder / "onnxruntime_c_api.h").write_text(f"#pragma once\n#define ORT_API_VERSION {api}\n")
    return folder


def configure(tree: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["cmake", "-S", str(tree), "-B", str(tree / "out"), *options]
    return subprocess.run(command, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=False)


def found(done: subprocess.CompletedProcess[str], folder: Path) -> bool:
    assert done.returncode == 0, done.stderr
    return f"version=1.23 folder={folder}" in done.stdout


@pytest.mark.parametrize("layout", ["include", "include/onnxruntime", "include/onnxruntime/core/session"])
def test_a_given_root(tree: Path, layout: str):
    folder = headers(tree / "ort" / layout)
    assert found(configure(tree, f"-DONNXRUNTIME_ROOT={tree / 'ort'}"), folder)
    assert found(configure(tree, ONNXRUNTIME_ROOT=str(tree / "ort")), folder)


def test_a_given_root_comes_before_what_was_fetched(tree: Path):
    fetched, given = headers(tree / "build" / "onnxruntime-headers" / "include"), headers(tree / "ort" / "include")
    assert found(configure(tree), fetched)
    assert found(configure(tree, f"-DONNXRUNTIME_ROOT={tree / 'ort'}"), given)


def test_nothing_is_explained(tree: Path):
    done = configure(tree)
    assert done.returncode != 0
    said = " ".join(done.stderr.split())
    for word in ("headers of ONNX Runtime are missing", "bash scripts/onnxruntime-headers", "libonnxruntime-dev", "-DONNXRUNTIME_ROOT="):
        assert word in said


def test_headers_that_come_later_are_seen(tree: Path):
    assert configure(tree).returncode != 0
    folder = headers(tree / "build" / "onnxruntime-headers" / "include")
    assert found(configure(tree), folder)


def test_a_wrong_root_is_named(tree: Path):
    headers(tree / "build" / "onnxruntime-headers" / "include")
    done = configure(tree, "-DONNXRUNTIME_ROOT=/nowhere")
    assert done.returncode != 0
    assert "ONNXRUNTIME_ROOT=/nowhere" in done.stderr


def test_headers_that_are_too_old_are_refused(tree: Path):
    headers(tree / "ort" / "include", api=16)
    done = configure(tree, f"-DONNXRUNTIME_ROOT={tree / 'ort'}")
    assert done.returncode != 0
    assert "1.16" in done.stderr
