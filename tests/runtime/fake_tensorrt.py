"""A driver and a TensorRT package over host memory, so that all of the backend but the GPU's own arithmetic runs without one.

The driver is C, called through the same ctypes as the real one (fake_cuda.c). A plan is the path of an ONNX file, and an engine runs it in
ONNX Runtime on the addresses that it was given, when the stream gets to it.
"""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime as ort
import pytest

from lmdm_export.engines.build import build_engines
from lmdm_export.engines.child import OnStep
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.engines.packages import PACKAGES

WORK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
KINDS = {"tensor(float)": ("FLOAT", np.float32), "tensor(int64)": ("INT64", np.int64)}
VERSION = "1.7.1"


def compile_fake_cuda(folder: Path) -> Path:
    """The C driver as a shared library."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the stand-in for the CUDA driver with")
    target = folder / "libfakecuda.so"
    source = Path(__file__).with_name("fake_cuda.c")
    subprocess.run([compiler, "-std=c11", "-shared", "-fPIC", "-Wall", "-Werror", str(source), "-o", str(target)], check=True)
    return target


class FakeTensorRt:
    """The module: `Logger`, `Runtime` and what hangs on them."""

    __version__ = VERSION

    class TensorIOMode(Enum):
        INPUT = 0
        OUTPUT = 1

    class Logger:
        ERROR = 1

        def __init__(self, severity: int) -> None:
            self.severity = severity

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        self._library.fake_enqueue.argtypes = (WORK, ctypes.c_void_p, ctypes.c_void_p)
        self.executed: list[str] = []

    def Runtime(self, logger: Logger) -> FakeTensorRt:
        return self

    def deserialize_cuda_engine(self, plan: bytes) -> FakeEngine | None:
        return FakeEngine(self, Path(plan.decode())) if plan.startswith(b"/") else None

    def enqueue(self, work: object, stream: int) -> bool:
        return self._library.fake_enqueue(work, None, stream) == 0

    @property
    def synchronisations(self) -> int:
        return self._library.fake_synchronisations()

    @property
    def launches(self) -> int:
        return self._library.fake_launches()

    def break_capture(self, broken: bool) -> None:
        ctypes.c_int.in_dll(self._library, "fake_break_capture").value = int(broken)


class FakeEngine:
    def __init__(self, module: FakeTensorRt, path: Path) -> None:
        self.module, self.path = module, path
        self.session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        nodes = [(node, True) for node in self.session.get_inputs()] + [(node, False) for node in self.session.get_outputs()]
        self.ports = {node.name: (tuple(node.shape), KINDS[node.type], is_input) for node, is_input in nodes}
        self.num_io_tensors = len(self.ports)

    def get_tensor_name(self, index: int) -> str:
        return list(self.ports)[index]

    def get_tensor_dtype(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name=self.ports[name][1][0])

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self.ports[name][0]

    def get_tensor_mode(self, name: str) -> FakeTensorRt.TensorIOMode:
        return self.module.TensorIOMode.INPUT if self.ports[name][2] else self.module.TensorIOMode.OUTPUT

    def create_execution_context(self) -> FakeContext:
        return FakeContext(self)


class FakeContext:
    def __init__(self, engine: FakeEngine) -> None:
        self.engine, self.addresses = engine, {}
        self.work = WORK(lambda argument: self._run())

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return name in self.engine.ports

    def execute_async_v3(self, stream: int) -> bool:
        return self.engine.module.enqueue(self.work, stream)

    def _run(self) -> None:
        self.engine.module.executed.append(self.engine.path.stem)
        inputs = {name: self._memory(name) for name, (_, _, is_input) in self.engine.ports.items() if is_input}
        outputs = [name for name in self.engine.ports if name not in inputs]
        for name, values in zip(outputs, self.engine.session.run(outputs, inputs), strict=True):
            self._memory(name)[...] = values

    def _memory(self, name: str) -> np.ndarray:
        shape, (_, kind), _ = self.engine.ports[name]
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        return np.frombuffer((ctypes.c_char * size).from_address(self.addresses[name]), kind).reshape(shape)


def build_fake_engines(bundle: Bundle, engine: str, target: str, monkeypatch: pytest.MonkeyPatch, version: str = VERSION) -> Path:
    """`build_engines` with a builder whose plan is the path of a copy of the graph."""
    monkeypatch.setattr("lmdm_export.engines.build.package_version", lambda package: version)

    def build(job: dict, on_step: OnStep) -> dict:
        source = Path(job["onnx"])
        if source.parent.name != "graphs":  # solver_step, which is gone after its build
            kept = bundle.folder / "graphs" / f"{hashlib.sha256(source.read_bytes()).hexdigest()[:8]}_{source.name}"
            shutil.copy(source, kept)
            source = kept
        Path(job["plan"]).write_text(str(source.absolute()))
        on_step(1.0)
        return {"layers": 1, "tf32": False}

    result = build_engines(bundle, PACKAGES[engine], target, build=build)
    assert not result.failed
    return result.path
