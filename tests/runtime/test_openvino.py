"""OpenVINO as a backend, always in a process of its own: against the cacheless numpy rollout, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.runtime.conftest import Tiny, make_tiny
from tests.runtime.openvino_child import BLOCKS, THREADS, TIMELINE
from tests.runtime.tiny_bundle import seal
from tests.runtime.tiny_rollout import rollout

ROOT = Path(__file__).resolve().parents[2]
ROUNDED = {"context_encoder", "cached_decoder"}

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="openvino is not installed; run: pip install 'lmdm[openvino]'"
)


def child(case: str, bundle: Path, output: Path | None = None) -> tuple[int, str]:
    command = [sys.executable, "-m", "tests.runtime.openvino_child", case, str(bundle), *([] if output is None else [str(output)])]
    made = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert made.returncode in (0, 1), f"{case} ended with {made.returncode}: {made.stderr}"
    assert made.stdout.strip(), made.stderr
    return made.returncode, made.stdout.strip()


def answer(case: str, bundle: Path, output: Path | None = None) -> object:
    status, text = child(case, bundle, output)
    assert status == 0, text
    return json.loads(text)


def computes_bfloat16() -> bool:
    from lmdm_runtime.doctor import providers

    return bool((providers.openvino().details or {}).get("bfloat16"))


@pytest.fixture(scope="module")
def played(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The rollout's `latents` and `audio` as OpenVINO makes them."""
    path = tmp_path_factory.mktemp("openvino") / "made.npz"
    answer("play", tiny.folder, path)
    return dict(np.load(path))


def test_a_closed_loop_is_that_of_the_whole_history(tiny: Tiny, played: dict[str, np.ndarray]):
    """The rollout in plain numpy knows of no cache; a prompt change one block late is the control."""
    made = played["latents"]
    np.testing.assert_allclose(made, rollout(tiny.model, tiny.tokenizer, TIMELINE, BLOCKS), atol=2e-5)
    late = {block + (block > 0): mix for block, mix in TIMELINE.items()}
    assert np.abs(made - rollout(tiny.model, tiny.tokenizer, late, BLOCKS)).max() > 1e-2


def test_its_audio_is_that_of_onnx_runtime(tiny: Tiny, played: dict[str, np.ndarray]):
    session, expected = tiny.session(), []
    for block in range(BLOCKS):
        if block in TIMELINE:
            session.set_prompts(TIMELINE[block])
        expected.append(session.next_block())
    np.testing.assert_allclose(played["audio"], np.concatenate(expected, axis=1), atol=2e-5)


def test_a_session_may_be_played_in_another_thread_than_opened_it(tiny: Tiny, played: dict[str, np.ndarray], tmp_path: Path):
    answer("other-thread", tiny.folder, tmp_path / "made.npz")
    np.testing.assert_array_equal(np.load(tmp_path / "made.npz")["latents"], played["latents"])


def test_two_threads_at_once_are_refused_in_a_sentence(causal: Tiny):
    found = answer("two-threads", causal.folder)
    assert found["ran"] > 0
    assert found["refused"] == ["graph cached_decoder is running in another thread; use a session from one thread at a time"]


def test_nothing_is_copied_from_graph_to_graph(tiny: Tiny):
    written: dict[str, int] = {}
    compared = 0
    for run in answer("addresses", tiny.folder):
        assert run["used"] == run["bound"], f"{run['graph']} does not compute in the buffers that it is bound to"
        for name in run["inputs"]:
            if name.startswith(("cross_", "self_", "raw_", "global_embed")) and name in written:
                assert run["bound"][name] == written[name], f"{run['graph']} reads {name} elsewhere than it was written"
                compared += 1
        written |= {n.removesuffix("_out"): a for n, a in run["bound"].items() if n not in run["inputs"]}
    assert compared > 100


@pytest.mark.skipif(not computes_bfloat16(), reason="this processor has no bfloat16")
def test_float32_is_asked_for_where_openvino_would_round(tiny: Tiny):
    """On a processor with bfloat16 OpenVINO's own choice is bfloat16, so the hint alone keeps a graph exact."""
    found = answer("settings", tiny.folder)
    for engine, graphs in found.items():
        assert set(graphs) > ROUNDED
        for graph, settings in graphs.items():
            rounded = engine == "openvino-bf16" and graph in ROUNDED
            assert ("bf" in settings["INFERENCE_PRECISION_HINT"]) == rounded, (engine, graph, settings)
            assert settings["INFERENCE_NUM_THREADS"] == THREADS
            assert settings["NUM_STREAMS"] == 1
            assert settings["ENABLE_CPU_PINNING"] is False
            assert settings["CPU_DENORMALS_OPTIMIZATION"] is True


def test_bfloat16_is_near_and_not_exact_or_refused(tiny: Tiny, tmp_path: Path):
    status, text = child("play-bf16", tiny.folder, tmp_path / "made.npz")
    if not computes_bfloat16():
        assert status == 1
        assert "does not compute in bfloat16" in text
        return
    assert json.loads(text) == {"engine": "openvino-bf16", "precision": "bfloat16"}
    expected = rollout(tiny.model, tiny.tokenizer, TIMELINE, BLOCKS)
    error = np.abs(np.load(tmp_path / "made.npz")["latents"] - expected)
    # bfloat16 holds 8 bits, and a closed loop of 12 blocks of 3 steps adds up; float32 would be at 2e-5, a wrong prompt at 1e-2 and more.
    assert 1e-4 < error.max() < 0.1 * np.abs(expected).max()


def test_values_that_are_not_finite_are_not_played(tiny: Tiny):
    status, text = child("poisoned", tiny.folder)
    assert status == 1
    assert text.startswith("RuntimeFault: block 1 holds values that are not finite")


def test_a_graph_that_does_not_compile_is_named(tmp_path: Path):
    tiny = make_tiny(tmp_path / "bundle", "block-causal")
    path = tiny.folder / "graphs" / "codec_decoder.onnx"
    model = onnx.load(path, load_external_data=False)
    model.graph.node[0].op_type = "NoSuchOperator"
    path.write_bytes(model.SerializeToString())
    seal(tiny.folder, json.loads((tiny.folder / "manifest.json").read_text()))
    status, text = child("play", tiny.folder, tmp_path / "made.npz")
    assert status == 1
    assert text.startswith("BundleError: ")
    assert len(text.splitlines()) == 1
    for part in ("codec_decoder.onnx does not compile in OpenVINO", "NoSuchOperator", "--engine onnxruntime"):
        assert part in text
    assert "/src/" not in text, "OpenVINO's own source files are of no use to a reader"


def test_a_graph_that_is_not_what_the_manifest_states_is_refused(tmp_path: Path):
    tiny = make_tiny(tmp_path / "bundle", "block-causal")
    manifest = json.loads((tiny.folder / "manifest.json").read_text())
    port = next(port for port in manifest["graphs"]["cached_decoder"]["outputs"] if port["name"] == "velocity")
    port["name"] = "speed"
    (tiny.folder / "manifest.json").write_text(json.dumps(manifest))
    status, text = child("play", tiny.folder, tmp_path / "made.npz")
    assert status == 1
    assert "speed" in text or "velocity" in text
