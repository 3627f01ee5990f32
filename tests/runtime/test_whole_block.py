"""A block as one recording equals the block that goes step by step, for every linear solver and guidance, executed by ONNX Runtime."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

pytest.importorskip("onnx")

from lmdm_export.engines.solver_step import write_solver_step
from lmdm_runtime import Session
from lmdm_runtime.errors import SessionError
from lmdm_runtime.linear_steps import LINEAR, linear_steps, require_linear
from lmdm_runtime.solvers import SOLVERS, Guided, guide, logsnr_schedule
from lmdm_runtime.whole_block import WholeBlockSampler
from tests.runtime.conftest import Tiny, make_tiny
from tests.runtime.recording_ort import RecordingOrt

PAIRS = [(solver, guidance) for solver in LINEAR for guidance in ("none", "cfg", "cfg++")]
EPSILON = float(np.finfo(np.float32).eps)
# Four products and three sums in another order than the solver's, each off by half an epsilon of what it holds. In epsilons of the
# largest term the largest error of one step seen here is 2.9; most are near 1.
ROUNDINGS = 6


def network(x: np.ndarray, t: float, copies: int) -> np.ndarray:
    """Some velocity [copies, C, o] that bends with x and t."""
    return np.concatenate([(np.sin(3 * x + copy) + x * np.float32(t)).astype(np.float32) for copy in range(copies)])


@pytest.fixture(scope="module")
def updates(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[ort.InferenceSession, tuple[int, ...]]]:
    """The exported update by batch, without guidance and with it, and the shape of its block."""
    tiny = make_tiny(tmp_path_factory.mktemp("update") / "bundle", "encoder-decoder")
    made = {}
    for batch in (1, 2):
        manifest = replace(tiny.bundle.manifest, model=replace(tiny.bundle.manifest.model, batch=batch))
        path = tmp_path_factory.mktemp("update") / "solver_step.onnx"
        write_solver_step(manifest, path)
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        made[batch] = (session, (1, manifest.model.latent_channels, manifest.model.block))
    return made


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
@pytest.mark.parametrize(("solver", "guidance"), PAIRS)
def test_the_update_is_the_solver(solver, guidance, steps, updates):
    batch = 1 if guidance == "none" else 2
    session, shape = updates[batch]
    scale = 1.0 if guidance == "none" else 3.5
    schedule = logsnr_schedule(steps)
    draws = [np.random.default_rng(draw).standard_normal(shape).astype(np.float32) for draw in range(steps)]
    entered: list[np.ndarray] = []

    def velocity(x: np.ndarray, t: float) -> Guided:
        entered.append(x)
        return guide(network(x, t, batch), guidance, scale)

    entered.append(SOLVERS[solver](velocity, draws[0], schedule, lambda j: draws[j]))
    worst = caught = 0.0
    # Each step from where the solver's own began, since this field would make a large error of a small one.
    for step, row in enumerate(linear_steps(solver, guidance, scale, schedule)):
        v = network(entered[step], schedule[step], batch)
        noise = draws[step + 1] if step + 1 < steps else np.full(shape, 7, np.float32)
        terms = [entered[step] * row.x, *(part * by for part, by in zip(v, (row.cond, row.null), strict=False)), row.noise * noise]
        peak = max(float(np.abs(term).max()) for term in terms)
        for change, kept in ((1.0, True), (1.001, False)):
            values = {"x": entered[step], "velocity": v, "noise": noise}
            coefficients = np.array(row._replace(cond=row.cond * change), np.float32)
            x, t = session.run(["next_x", "next_t"], {**values, "coefficients": coefficients})
            assert t == np.float32(schedule[step + 1])
            error = float(np.abs(x - entered[step + 1]).max()) / (EPSILON * peak)
            worst, caught = (max(worst, error), caught) if kept else (worst, max(caught, error))
    print(f"{solver} {guidance}, {steps} steps: {worst:.2f} epsilons, with a wrong coefficient {caught:.0f}")
    assert worst <= ROUNDINGS < caught / 10


@pytest.mark.parametrize(("solver", "word"), [("heun", "twice"), ("rk4", "four times"), ("dpmpp-2m", "step before")])
def test_other_solvers_are_refused(solver, word):
    with pytest.raises(SessionError, match=word):
        require_linear(solver, "cfg")


def played(session: Session, blocks: int = 5) -> np.ndarray:
    """Blocks with a prompt change, another number of steps and another scale on the way."""
    made = []
    for block in range(blocks):
        if block == 0:
            session.set_prompt("jazz trio")
        if block == 2:
            session.set_prompt("slow ambient pad")
        if block == 3:
            session.tune(steps=5, seed=9)
            if session.sampling.guidance != "none":
                session.tune(guidance_scale=2.5)
        made.append(session.next_latents()[0])
    return np.stack(made)


@pytest.mark.parametrize("guidance", ["cfg", "cfg++"])
@pytest.mark.parametrize("solver", LINEAR)
@pytest.mark.parametrize("pattern", ["encoder-decoder", "block-causal"])
def test_a_session_plays_the_same(pattern, solver, guidance, tmp_path: Path):
    tiny = make_tiny(tmp_path / "bundle", pattern, solver=solver, guidance=guidance)
    backend = RecordingOrt(tiny.bundle, tmp_path / "recorded")
    session = tiny.session(backend=backend)
    assert isinstance(session._sampler, WholeBlockSampler)
    found, expected = played(session), played(tiny.session())
    # Seen: 5e-7 over five blocks in a closed loop, of values up to 3.
    np.testing.assert_allclose(found, expected, atol=5e-6, rtol=0)
    assert np.abs(played(tiny.session(seed=1)) - expected).max() > 0.1
    first, *updates = backend.recorded[0]
    assert first == "context_encoder"
    assert updates == ["cached_decoder", "solver_step", "copy"] * (len(tiny.bundle.manifest.sampling.schedule) - 1)
    # Two numbers of steps, and where the cache has two sides one recording for each of them.
    assert len(backend.recorded) <= 2 * (2 if pattern == "block-causal" else 1)


def test_the_context_is_encoded_inside_the_recording(tiny: Tiny, tmp_path: Path):
    """The control: a recording without the context encoder plays from what was encoded before."""
    backend = RecordingOrt(tiny.bundle, tmp_path / "recorded")
    backend.record = lambda launches: RecordingOrt.record(backend, launches[1:])  # type: ignore[method-assign]
    expected = played(tiny.session())
    assert np.abs(played(tiny.session(backend=backend)) - expected).max() > 1e-3


def test_a_solver_with_more_evaluations_runs_step_by_step(tiny: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    backend = RecordingOrt(tiny.bundle, tmp_path / "recorded")
    with caplog.at_level(logging.WARNING):
        session = tiny.session(backend=backend, solver="heun")
    assert "twice a step" in caplog.text
    np.testing.assert_array_equal(played(session), played(tiny.session(solver="heun")))
    assert not backend.recorded


def test_an_unknown_solver_is_refused_once(tiny: Tiny, tmp_path: Path):
    with pytest.raises(SessionError, match="unknown solver"):
        tiny.session(backend=RecordingOrt(tiny.bundle, tmp_path / "recorded"), solver="leapfrog")
