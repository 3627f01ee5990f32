"""The TensorRT backend over a driver and a package that compute on the CPU: buffers, launches, captures and refusals."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

from lmdm_runtime import Bundle, RuntimeFault, Session, load_bundle
from lmdm_runtime.backends import make_backend
from lmdm_runtime.backends.cuda import Cuda
from lmdm_runtime.backends.tensorrt import GraphLaunch, LaunchesInTurn, TensorRtBackend, TensorRtRtxBackend
from lmdm_runtime.engines.store import RECORD, EngineError
from lmdm_runtime.errors import LmdmError
from lmdm_runtime.manifest import Port
from lmdm_runtime.whole_block import WholeBlockSampler
from tests.runtime.conftest import Tiny, make_tiny
from tests.runtime.fake_tensorrt import FakeTensorRt, build_fake_engines, compile_fake_cuda


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_fake_cuda(tmp_path_factory.mktemp("cuda"))


@pytest.fixture
def cuda(library: Path) -> Cuda:
    return Cuda(library=str(library))


@pytest.fixture
def package(library: Path) -> FakeTensorRt:
    return FakeTensorRt(library)


@pytest.fixture(params=["encoder-decoder", "block-causal"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Tiny:
    """A bundle of this test's own, which may hold engines."""
    return make_tiny(tmp_path / "bundle", request.param, solver="ping-pong", guidance="cfg++")


def play(session: Session, blocks: int = 6) -> np.ndarray:
    audio = []
    for block in range(blocks):
        if block in (0, 3):
            session.set_prompt(("jazz trio", "slow ambient pad")[block // 3])
        if block == 4:
            session.tune(steps=2)
        audio.append(session.next_block())
    return np.concatenate(audio, axis=1)


def test_the_driver_is_called_as_its_header_says(cuda: Cuda):
    assert (cuda.device, cuda.target, cuda.version) == ("Fake GPU", "8.9", "13.1")
    with pytest.raises(RuntimeFault, match=r"cuMemAlloc_v2 .* returned 2 \(out of memory\)"):
        cuda.allocate(2**50)


@pytest.mark.parametrize("engine", [TensorRtBackend, TensorRtRtxBackend])
def test_a_session_plays_what_onnx_runtime_plays(made: Tiny, engine, cuda, package, monkeypatch):
    monkeypatch.setattr("lmdm_export.engines.build.driver", lambda: FakeDriver())
    build_fake_engines(made.bundle, engine.name, "8.9", monkeypatch)
    backend = engine(load_bundle(made.folder), cuda=cuda, library=package)
    session = made.session(backend=backend)
    assert isinstance(session._sampler, WholeBlockSampler)
    # The runs are ONNX Runtime's own; what is added is the rounding of the solver's update, in a closed loop.
    np.testing.assert_allclose(play(session), play(made.session()), atol=5e-6, rtol=0)
    assert all(isinstance(recording, GraphLaunch) for recording in session._sampler._recordings.values())


class FakeDriver:
    """What `driver()` would say of the same machine."""

    reason, version, devices, capabilities = None, "13.1", ("Fake GPU (compute capability 8.9)",), ("8.9",)


def test_a_block_is_one_launch_and_its_values_stay_on_the_device(tmp_path: Path, cuda, package, monkeypatch):
    made = make_tiny(tmp_path / "bundle", "encoder-decoder")
    build_fake_engines(made.bundle, "tensorrt-rtx", "8.9", monkeypatch)
    session = made.session(backend=TensorRtRtxBackend(load_bundle(made.folder), cuda=cuda, library=package))
    session.set_prompt("jazz trio")
    session.next_latents()
    moved: list[int] = []
    for name in ("upload", "download"):
        whole = getattr(cuda, name)
        monkeypatch.setattr(
            cuda, name, lambda *a, whole=whole: (moved.append(next(v.nbytes for v in a if hasattr(v, "nbytes"))), whole(*a))
        )
    before = package.launches
    package.executed.clear()
    session.next_latents()
    assert package.launches == before + 1
    steps = len(made.bundle.manifest.sampling.schedule) - 1
    names = [name.split("_", 1)[1] if name.endswith("solver_step") else name for name in package.executed]
    assert names == ["context_encoder", *["cached_decoder", "solver_step"] * steps]
    # Context, its control, block control, noise, level, block: no keys and values.
    z = made.model.sizes
    largest = 4 * z.channels * z.context
    assert max(moved) == largest < 4 * int(np.prod(z.cached))
    assert len(moved) <= 6


def test_what_cannot_be_captured_is_launched_one_by_one(made: Tiny, cuda, package, monkeypatch, caplog):
    build_fake_engines(made.bundle, "tensorrt-rtx", "8.9", monkeypatch)
    backend = TensorRtRtxBackend(load_bundle(made.folder), cuda=cuda, library=package)
    package.break_capture(True)
    try:
        session = made.session(backend=backend)
        found = play(session)
    finally:
        package.break_capture(False)
    assert "cannot be captured as one CUDA graph" in caplog.text
    assert all(isinstance(recording, LaunchesInTurn) for recording in session._sampler._recordings.values())
    np.testing.assert_allclose(found, play(made.session()), atol=5e-6, rtol=0)


def test_device_memory_is_freed(cuda: Cuda, library: Path):
    import ctypes

    counts = {name: ctypes.c_long.in_dll(ctypes.CDLL(str(library)), name) for name in ("fake_allocations", "fake_frees")}
    from lmdm_runtime.backends.tensorrt import DeviceBuffer

    before = {name: count.value for name, count in counts.items()}
    buffer = DeviceBuffer(cuda, Port("x", (2, 3), "float32"))
    np.testing.assert_array_equal(buffer.read(), np.zeros((2, 3)))
    buffer.write(np.arange(6, dtype=np.float32).reshape(3, 2).T)
    np.testing.assert_array_equal(buffer.read(), np.arange(6).reshape(3, 2).T)
    del buffer
    gc.collect()
    assert {name: count.value - before[name] for name, count in counts.items()} == {"fake_allocations": 1, "fake_frees": 1}


def opened(folder: Path, cuda: Cuda, package: FakeTensorRt) -> TensorRtRtxBackend:
    backend = TensorRtRtxBackend(load_bundle(folder), cuda=cuda, library=package)
    backend.bind("conditioner", {p.name: backend.buffer(p) for p in both(backend.bundle, "conditioner")})
    return backend


def both(bundle: Bundle, graph: str) -> tuple[Port, ...]:
    entry = bundle.manifest.graphs[graph]
    return (*entry.inputs, *entry.outputs)


def test_engines_that_do_not_match_are_refused(made: Tiny, cuda, package, monkeypatch):
    command = rf"run: lmdm build {made.folder} --engine tensorrt-rtx --target 8.9"
    with pytest.raises(EngineError, match=f"holds no engines of tensorrt-rtx; {command}$"):
        opened(made.folder, cuda, package)
    folder = build_fake_engines(made.bundle, "tensorrt-rtx", "8.6", monkeypatch)
    with pytest.raises(EngineError, match=rf"compute capability 8.6, expected 8.9\); {command}$"):
        opened(made.folder, cuda, package)
    cuda.target = "8.6"
    opened(made.folder, cuda, package)
    package.__class__ = type("Newer", (FakeTensorRt,), {"__version__": "1.8"})
    with pytest.raises(EngineError, match=r"version 1.7.1, expected 1.8\)"):
        opened(made.folder, cuda, package)
    package.__class__ = FakeTensorRt
    document = json.loads((made.folder / "manifest.json").read_text())
    for field, value, words in (
        ("precision", "float16", "precision float16, expected float32"),
        ("graphs", "0" * 64, "graphs and weights 000000000000…, expected"),
        ("system", "windows-amd64", "system windows-amd64, expected"),
    ):
        changed(folder, field, value)
        with pytest.raises(EngineError, match=words):
            opened(made.folder, cuda, package)
        changed(folder, field, None)
    opened(made.folder, cuda, package)
    assert json.loads((made.folder / "manifest.json").read_text()) == document
    plan = folder / "conditioner.plan"
    plan.write_text(plan.read_text().replace("conditioner", "conditionar"))
    with pytest.raises(EngineError, match=r"conditioner.plan has SHA-256 .*…, its record says .*…; run: lmdm build .* --force"):
        opened(made.folder, cuda, package)
    plan.unlink()
    with pytest.raises(EngineError, match=r"conditioner\.plan is missing"):
        opened(made.folder, cuda, package)
    (folder / RECORD).write_text("{}")
    with pytest.raises(EngineError, match="is no record of engines"):
        opened(made.folder, cuda, package)


KEPT: dict[str, str] = {}


def changed(folder: Path, field: str, value: str | None) -> None:
    """One field of the record's key replaced, or put back."""
    path = folder / RECORD
    document = json.loads(path.read_text())
    if value is not None:
        KEPT[field] = document["key"][field]
    document["key"][field] = KEPT[field] if value is None else value
    path.write_text(json.dumps(document))


def test_a_graph_that_was_exported_again_refuses_its_old_engine(made: Tiny, cuda, package, monkeypatch):
    from tests.runtime.tiny_bundle import seal

    build_fake_engines(made.bundle, "tensorrt-rtx", "8.9", monkeypatch)
    engines = made.folder / "engines"
    engines.rename(made.folder.parent / "engines")
    weights = made.folder / "graphs" / "weights.bin"
    content = bytearray(weights.read_bytes())
    content[0] ^= 1
    weights.write_bytes(content)
    seal(made.folder, json.loads((made.folder / "manifest.json").read_text()))
    (made.folder.parent / "engines").rename(engines)
    with pytest.raises(EngineError, match=r"graphs and weights .*…, expected .*…"):
        opened(made.folder, cuda, package)


def test_a_plan_that_the_package_refuses(made: Tiny, cuda, package, monkeypatch):
    build_fake_engines(made.bundle, "tensorrt-rtx", "8.9", monkeypatch)
    monkeypatch.setattr(package, "deserialize_cuda_engine", lambda plan: None)
    with pytest.raises(EngineError, match=r"conditioner\.plan does not load in tensorrt-rtx 1\.7\.1; run: lmdm build"):
        opened(made.folder, cuda, package)


@pytest.mark.parametrize("engine", ["tensorrt", "tensorrt-rtx"])
def test_without_a_gpu_or_package_it_is_one_sentence(tiny: Tiny, engine: str):
    """In a process of its own: were the package's runtime made without a driver, the process would crash."""
    from lmdm_runtime.doctor.gpu import driver

    if driver().devices:
        pytest.skip("there is a GPU here")
    code = (
        "import sys\nfrom lmdm_runtime import load_bundle\nfrom lmdm_runtime.backends import make_backend\n"
        "from lmdm_runtime.errors import LmdmError\n"
        "try:\n    make_backend(sys.argv[2], load_bundle(sys.argv[1]))\nexcept LmdmError as error:\n    print(error)"
    )
    made = subprocess.run([sys.executable, "-c", code, str(tiny.folder), engine], capture_output=True, text=True, check=True)
    assert len(made.stdout.splitlines()) == 1
    assert ("runs on an NVIDIA GPU and there is none here" in made.stdout) or (f"package {engine} is not installed" in made.stdout)
    assert made.stderr == ""


def test_an_unknown_engine_names_all(tiny: Tiny):
    with pytest.raises(LmdmError, match="tensorrt-rtx"):
        make_backend("tensor", tiny.bundle)
