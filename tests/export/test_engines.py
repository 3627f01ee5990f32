"""`lmdm build`: engines really built by tensorrt-rtx where it is installed, and what must hold whatever the package does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto, helper

from lmdm_export.engines.build import build_engines
from lmdm_export.engines.child import run_worker
from lmdm_export.engines.inspection import POLYGRAPHY, polygraphy_counts
from lmdm_export.errors import ExportError
from lmdm_runtime.bundle import load_bundle
from lmdm_runtime.cli import main
from lmdm_runtime.doctor.gpu import Driver
from lmdm_runtime.engines.packages import PACKAGES
from lmdm_runtime.engines.store import RECORD, engine_folders, find_engines, read_record
from tests.runtime.tiny_bundle import seal, write_tiny_bundle

RTX = PACKAGES["tensorrt-rtx"]
NO_GPU = Driver("no libcuda.so.1")


def installed() -> bool:
    try:
        metadata.version("tensorrt-rtx")
    except metadata.PackageNotFoundError:
        return False
    return True


rtx = pytest.mark.skipif(not installed(), reason="tensorrt-rtx is not installed; run: pip install 'lmdm[tensorrt-rtx]'")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write_tiny_bundle(tmp_path / "bundle")
    return tmp_path / "bundle"


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@rtx
def test_every_graph_is_built_once_and_kept(bundle: Path):
    """Real engines of real size, one child process each; the second call finds them all."""
    result = run("build", bundle, "--engine", "tensorrt-rtx", "--target", "8.9", "--json")
    assert result.exit_code == 0, result.output
    (made,) = json.loads(result.stdout)
    graphs = {*load_bundle(bundle).manifest.graphs, "solver_step"}
    assert set(made["built"]) == graphs == set(made["plans"])
    assert made["tf32"] is False
    folder = bundle / "engines" / f"tensorrt-rtx-{metadata.version('tensorrt-rtx')}-sm89-float32-{Path(made['path']).name[-12:]}"
    assert names(folder) == sorted([RECORD, *(f"{graph}.plan" for graph in graphs)])
    assert all(plan["bytes"] > 10_000 and plan["layers"] > 2 for plan in made["plans"].values())
    engines = find_engines(load_bundle(bundle), read_record(folder / RECORD).key)
    # The package's own mark at the head of a plan.
    assert {engines.plan(graph)[:4] for graph in graphs} == {b"vtrt"}
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = run("build", bundle, "--engine", "tensorrt-rtx", "--target", "8.9")
    assert again.exit_code == 0
    assert f"nothing has changed, {len(graphs)} engines are there already" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@rtx
def test_what_the_package_refuses_costs_one_graph(bundle: Path):
    """Float32 `Attention` of opset 23 is such a graph; the bundles have opset 20."""
    shape = (1, 4, 8, 64)
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y")}
    graph = helper.make_graph([helper.make_node("Attention", ["x", "x", "x"], ["y"])], "a", [values["x"]], [values["y"]])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11), bundle / "graphs" / "conditioner.onnx")
    shutil.rmtree(bundle / "engines", ignore_errors=True)
    seal(bundle, json.loads((bundle / "manifest.json").read_text()))
    result = build_engines(load_bundle(bundle), RTX, "8.9", graphs=["conditioner", "codec_decoder"])
    assert result.built == ("codec_decoder",)
    assert "Attention" in result.failed["conditioner"] or "crashed" in result.failed["conditioner"]
    assert names(result.path) == ["codec_decoder.plan", RECORD]


@rtx
def test_inspection_by_polygraphy_and_by_the_package(bundle: Path):
    result = run("build", bundle, "--engine", "tensorrt-rtx", "--inspect", "--graph", "cached_decoder", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["cached_decoder"]
    model = onnx.load(bundle / "graphs" / "cached_decoder.onnx")
    counts = {"inputs": len(model.graph.input), "outputs": 1, "initialisers": len(model.graph.initializer), "nodes": len(model.graph.node)}
    assert found["onnx"] == {**counts, "opset": 20}
    assert found["layers"] == sum(found["kinds"].values()) >= counts["nodes"]
    # Tanh is one layer in either, and multiplications are at least as many.
    assert found["kinds"]["activation"] == sum(node.op_type == "Tanh" for node in model.graph.node)
    assert "cached_decoder" in run("build", bundle, "--engine", "tensorrt-rtx", "--inspect", "--graph", "cached_decoder").stdout


def test_polygraphy_says_what_it_cannot_read(tmp_path: Path):
    (tmp_path / "x.onnx").write_bytes(b"no graph")
    with pytest.raises(ExportError, match=r"polygraphy cannot read .*x\.onnx .*; run: polygraphy inspect model"):
        polygraphy_counts(tmp_path / "x.onnx")


@rtx
def test_polygraphy_builds_the_same_graph_itself(bundle: Path, tmp_path: Path):
    """A second builder over the same package; by itself it would leave TF32 on."""
    command = [*POLYGRAPHY, "convert", str(bundle / "graphs" / "codec_decoder.onnx"), "--convert-to", "trt"]
    environment = {**os.environ, "POLYGRAPHY_USE_TENSORRT_RTX": "1"}
    made = subprocess.run([*command, "-o", str(tmp_path / "x.plan")], capture_output=True, text=True, env=environment, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    assert (tmp_path / "x.plan").read_bytes()[:4] == b"vtrt"
    assert "STRONGLY_TYPED" in made.stdout


def worker_that(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", f"import json, os, signal, sys, time\njob = json.loads(sys.stdin.readline())\n{code}"


WRITES = (
    "open(job['plan'], 'wb').write(os.urandom(64))\n"
    "print(json.dumps({'phase': 'x', 'done': 0.5}))\nprint(json.dumps({'result': {'layers': 3, 'tf32': False}}))"
)


def building(code: str) -> Callable[..., dict]:
    """A `build` whose child runs other code than the package's."""
    return lambda job, on_step: run_worker(job, on_step, worker_that(code))


@pytest.fixture
def as_if_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmdm_export.engines.build.package_version", lambda package: "1.7")


def test_a_crash_is_a_sentence_and_other_graphs_go_on(bundle: Path, as_if_installed):
    crash = "    print('about to', file=sys.stderr, flush=True)\n    os.kill(os.getpid(), signal.SIGSEGV)"
    code = f"if 'conditioner' in job['onnx']:\n{crash}\n{WRITES}"
    result = build_engines(load_bundle(bundle), RTX, "8.9", build=building(code))
    assert result.failed == {"conditioner": "the builder's process crashed (SIGSEGV), after saying: about to"}
    assert "conditioner" not in result.record.plans
    assert len(result.built) == len(load_bundle(bundle).manifest.graphs)  # all but one, and solver_step
    healed = build_engines(load_bundle(bundle), RTX, "8.9", build=building(WRITES))
    assert healed.built == ("conditioner",)
    assert read_record(healed.path / RECORD).plans.keys() == {*result.record.plans, "conditioner"}


def test_nothing_is_left_when_nothing_could_be_built(bundle: Path, as_if_installed):
    before = names(bundle)
    with pytest.raises(
        ExportError, match=r"no graph could be built; cached_decoder: the builder's process ended with status 3, and 6 more"
    ):
        build_engines(load_bundle(bundle), RTX, "8.9", build=building("sys.exit(3)"))
    assert names(bundle) == before


def test_force_builds_again_and_kept_graphs_stay(bundle: Path, as_if_installed):
    first = build_engines(load_bundle(bundle), RTX, "8.9", build=building(WRITES))
    kept, plans = first.record.plans, first.path
    second = build_engines(load_bundle(bundle), RTX, "8.9", graphs=["conditioner"], force=True, build=building(WRITES))
    assert second.built == ("conditioner",)
    assert second.record.plans["conditioner"].sha256 != kept["conditioner"].sha256
    assert {n: p for n, p in second.record.plans.items() if n != "conditioner"} == {n: p for n, p in kept.items() if n != "conditioner"}
    assert names(plans) == sorted([RECORD, *(f"{graph}.plan" for graph in kept)])
    # A plan that lost its bytes is built again without being asked.
    (plans / "solver_step.plan").write_bytes(b"")
    assert build_engines(load_bundle(bundle), RTX, "8.9", build=building(WRITES)).built == ("solver_step",)


def test_engines_of_other_graphs_are_removed(bundle: Path, as_if_installed):
    old = build_engines(load_bundle(bundle), RTX, "8.9", build=building(WRITES))
    other = build_engines(load_bundle(bundle), RTX, "8.6", build=building(WRITES))
    assert not other.removed
    kept = bundle.parent / "engines"
    (bundle / "engines").rename(kept)
    write_tiny_bundle(bundle, solver="ping-pong")
    (bundle / "graphs" / "weights.bin").write_bytes((bundle / "graphs" / "weights.bin").read_bytes() + b"\0")
    seal(bundle, json.loads((bundle / "manifest.json").read_text()))
    kept.rename(bundle / "engines")
    new = build_engines(load_bundle(bundle), RTX, "8.9", build=building(WRITES))
    assert set(new.removed) == {old.path.name, other.path.name}
    assert [folder.path for folder in engine_folders(load_bundle(bundle))] == [new.path]


def test_the_key_is_the_same_again_and_changes_with_every_part(bundle: Path, as_if_installed):
    from lmdm_runtime.engines.key import engine_key

    loaded = load_bundle(bundle)
    keys = [
        engine_key(loaded, RTX, "1.7", "8.9", None),
        engine_key(loaded, RTX, "1.7", "8.6", None),
        engine_key(loaded, RTX, "1.8", "8.9", None),
        engine_key(loaded, PACKAGES["tensorrt"], "1.7", "8.9", "13.1"),
        engine_key(loaded, PACKAGES["tensorrt"], "1.7", "8.9", "12.8"),
    ]
    assert len({key.folder for key in keys}) == len(keys)
    assert engine_key(load_bundle(bundle), RTX, "1.7", "8.9", "13.1") == keys[0], "ahead of time, the driver of the builder does not count"
    assert [word for word, _, _ in keys[3].differences(keys[4])] == ["CUDA driver"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupt_leaves_nothing_behind(bundle: Path, number: signal.Signals, tmp_path: Path):
    """A whole `lmdm build` whose worker never ends, interrupted as a user or a service does it."""
    before, pid = names(bundle), tmp_path / "pid"
    hang = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = (
        "import sys\nimport lmdm_export.engines.build as b\nfrom lmdm_export.engines.child import run_worker\n"
        "from lmdm_runtime.bundle import load_bundle\nfrom lmdm_runtime.engines.packages import PACKAGES\n"
        "b.package_version = lambda package: '1.7'\n"
        f"hang = {hang!r}\n"
        "b.build_engines(load_bundle(sys.argv[1]), PACKAGES['tensorrt-rtx'], '8.9',\n"
        "    build=lambda job, step: run_worker(job, step, (sys.executable, '-c', hang)))\n"
    )
    # In the background of a script SIGINT is ignored, and Python leaves it so.
    heard = partial(signal.signal, number, signal.SIG_DFL)
    child = subprocess.Popen([sys.executable, "-c", code, str(bundle)], stderr=subprocess.PIPE, text=True, preexec_fn=heard)
    wait_for(lambda: pid.exists() and pid.read_text() != "")
    worker = int(pid.read_text())
    child.send_signal(number)
    child.communicate(timeout=60)
    assert child.returncode != 0
    wait_for(lambda: not Path(f"/proc/{worker}").exists())
    assert names(bundle) == before


def test_a_worker_ends_with_whoever_started_it():
    """Even SIGKILL, after which nobody can clean up, leaves no process: the worker's stdin ends."""
    from lmdm_export.engines.child import WORKER

    child = subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    slow = {"module": "tests.export.slow_package", "onnx": "", "plan": None}
    child.stdin.write(json.dumps(slow) + "\n")
    child.stdin.flush()
    time.sleep(2)
    assert child.poll() is None
    child.stdin.close()
    assert child.wait(timeout=60) == 1


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_sentences_of_the_command(bundle: Path, tmp_path: Path):
    for arguments, said in (
        ((tmp_path / "none", "--engine", "tensorrt-rtx"), "there is no bundle at"),
        ((bundle, "--engine", "tensorrt-rtx", "--graph", "decoder"), "the bundle has no graph decoder; it has cached_decoder"),
    ):
        result = run("build", *arguments)
        assert result.exit_code == 1
        assert said in result.stderr or "tensorrt-rtx is not installed" in result.stderr
        assert "Traceback" not in result.output
    assert run("build", bundle).exit_code == 2
    if not installed_full():
        result = run("build", bundle, "--engine", "tensorrt")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "the Python package tensorrt is not installed, and its engines need it; run: pip install" in result.stderr


def installed_full() -> bool:
    try:
        metadata.version("tensorrt")
    except metadata.PackageNotFoundError:
        return False
    return True


@rtx
@pytest.mark.heavy
@pytest.mark.parametrize("name", ["tiny", "tiny-bc", "tiny-sketch"])
def test_engines_of_an_exported_instrument(name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory):
    from tests.bundles import small_bundle

    # Engines are put into their bundle.
    loaded = load_bundle(Path(shutil.copytree(small_bundle(tmp_path_factory, name).bundle, tmp_path / name)))
    result = build_engines(loaded, RTX, "12.0")
    assert not result.failed
    assert set(result.built) == {*loaded.manifest.graphs, "solver_step"}


@rtx
@pytest.mark.heavy
def test_engines_of_the_default_instrument_for_two_generations(default_bundle: Path, tmp_path: Path):
    """Its plans hold its weights, and the same build gives the same bytes."""
    shutil.copytree(default_bundle, tmp_path / "bundle", ignore=shutil.ignore_patterns("engines"))
    loaded = load_bundle(tmp_path / "bundle")
    results = [build_engines(loaded, RTX, target) for target in ("8.6", "12.0")]
    for result in results:
        assert not result.failed
        assert set(result.built) == {*loaded.manifest.graphs, "solver_step"}
        assert result.record.plans["cached_decoder"].bytes > 25e6
    again = build_engines(loaded, RTX, "8.6", graphs=["conditioner"], force=True)
    assert again.record.plans["conditioner"].sha256 == results[0].record.plans["conditioner"].sha256
