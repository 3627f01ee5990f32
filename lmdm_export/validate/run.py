"""One validation from a bundle's folder to a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lmdm_export.errors import ExportError
from lmdm_export.validate.context import Options, Validation
from lmdm_export.validate.report import STEPS, NotRun, Report
from lmdm_export.validate.scenario import SEED, USUAL_BLOCKS
from lmdm_export.validate.step_audio import check_audio
from lmdm_export.validate.step_block import check_block
from lmdm_export.validate.step_graph import check_graphs
from lmdm_export.validate.step_rollout import check_rollout
from lmdm_export.validate.step_runtimes import check_runtimes
from lmdm_export.validate.truth import Begin, Truth, silent
from lmdm_export.validate.truth_fixtures import FixtureTruth
from lmdm_runtime.backends import DEFAULT, make_backend
from lmdm_runtime.backends.base import FLOAT32, Backend
from lmdm_runtime.bundle import Bundle, load_bundle
from lmdm_runtime.manifest import PrecisionEntry

CHECKS: dict[int, Callable[[Validation], None]] = {
    1: check_graphs,
    2: check_block,
    3: check_rollout,
    4: check_audio,
    5: check_runtimes,
}


def validate_bundle(
    path: Path,
    checkpoint: Path | None = None,
    *,
    steps: Sequence[int] = tuple(STEPS),
    blocks: int | None = None,
    seed: int = SEED,
    plots: Path | None = None,
    t5: Path | None = None,
    threads: int | None = None,
    engine: str = DEFAULT,
    begin: Begin = silent,
) -> Report:
    """Hold a bundle against its checkpoint, or without one against its own fixtures; a precision variant, and an engine that
    rounds, to a budget.

    Args:
        steps: which of the five steps to run.
        blocks: length of the closed loop; None is 64, or what the fixtures of a large network hold.
        plots: folder for pictures.
        threads: of the engine; None is its own choice.
        engine: which of `lmdm_runtime.backends.ENGINES` runs the graphs.

    Raises:
        LmdmError: there is no such engine, or its package is not installed.
        BundleError: the bundle is damaged.
        ExportError: the checkpoint is another one, a fixture is missing, or what is not float32 was given one.
        CheckpointError: the checkpoint cannot be read.
    """
    bundle = load_bundle(path)
    options = Options(steps, blocks, threads, plots, begin)
    precision = bundle.manifest.precision
    if precision is not None:
        return _variant(bundle, precision, checkpoint, engine, options)
    backend = make_backend(engine, bundle, threads)
    if backend.precision != FLOAT32:
        return _rounding_engine(bundle, backend, checkpoint, options)
    truth = _truth(bundle, checkpoint, seed, t5)
    report = Report(bundle.manifest.name, truth.name, engine=engine)
    length = truth.usual_blocks if blocks is None else blocks
    if length < USUAL_BLOCKS and blocks is None and 3 in steps:
        report.not_run.append(NotRun(3, f"closed loop of {USUAL_BLOCKS} blocks", f"the fixtures hold {length}; give --checkpoint"))
    validation = Validation(bundle, truth, backend, report, begin, length, threads=threads, plots=plots)
    for step in sorted(set(steps)):
        start = time.perf_counter()
        CHECKS[step](validation)
        report.seconds[STEPS[step]] = round(time.perf_counter() - start, 3)
    return report


def _variant(bundle: Bundle, precision: PrecisionEntry, checkpoint: Path | None, engine: str, options: Options) -> Report:
    """A precision variant is held to its own budget, against what it carries of its float32 bundle."""
    if checkpoint is not None:
        raise ExportError(
            f"{bundle.folder} is in {precision.kind} and is held against the fixtures that it carries; run lmdm validate on it without "
            "--checkpoint, and with it on the float32 bundle"
        )
    from lmdm_export.precision.validation import validate_variant

    return validate_variant(bundle, precision, engine, options)


def _rounding_engine(bundle: Bundle, backend: Backend, checkpoint: Path | None, options: Options) -> Report:
    """An engine that does not compute in float32 is held to the budget of a precision variant, against the same bundle in float32."""
    if checkpoint is not None:
        raise ExportError(
            f"engine {backend.name} computes in {backend.precision} and is held against float32 in the fixtures of the bundle; "
            f"run lmdm validate without --checkpoint, and with it for --engine {DEFAULT}"
        )
    from lmdm_export.precision.validation import validate_rounding_engine

    return validate_rounding_engine(bundle, backend, options)


def _truth(bundle: Bundle, checkpoint: Path | None, seed: int, t5: Path | None) -> Truth:
    if checkpoint is None:
        return FixtureTruth(bundle)
    # Only here is torch needed.
    from lmdm_export.validate.truth_checkpoint import CheckpointTruth, load_checkpoint

    return CheckpointTruth(bundle, load_checkpoint(bundle, checkpoint, t5), seed)
