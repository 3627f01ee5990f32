"""The validation of an engine that computes the network in less than float32: the budget of a variant, for graphs that are float32."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from lmdm_export.precision.faults import control_faults
from lmdm_export.precision.measure import Parity, parity_of
from lmdm_export.precision.names import DEFAULT_BUDGET
from lmdm_export.precision.reference import reference_of, rollouts
from lmdm_export.precision.validation import SHARE, UnconvertedTruth
from lmdm_export.validate.bounds import Bound
from lmdm_export.validate.context import Validation
from lmdm_export.validate.controls import Fault, noise_fault
from lmdm_export.validate.player import HEALTHY
from lmdm_export.validate.report import STEPS, Check, Control, NotRun, Report
from lmdm_export.validate.step_audio import check_audio
from lmdm_export.validate.step_graph import check_graphs
from lmdm_export.validate.truth import Begin, silent
from lmdm_runtime.backends import DEFAULT, make_backend
from lmdm_runtime.backends.base import Backend
from lmdm_runtime.bundle import Bundle


def validate_rounding_engine(
    bundle: Bundle,
    backend: Backend,
    *,
    steps: Sequence[int] = tuple(STEPS),
    blocks: int | None = None,
    threads: int | None = None,
    plots: Path | None = None,
    begin: Begin = silent,
) -> Report:
    """Hold `backend` to a tenth of another seed's distance, and the graphs that it does not round to the bounds of float32.

    Raises:
        ExportError: the bundle lacks a fixture.
    """
    truth = UnconvertedTruth(bundle, backend.rounded)
    report = Report(bundle.manifest.name, f"float32, with a budget of {DEFAULT_BUDGET:g} ({SHARE})", engine=backend.name)
    reason = f"bounds of float32 do not hold for {backend.precision}; step 3 holds the whole to its budget"
    validation = Validation(bundle, truth, backend, report, begin, blocks or truth.usual_blocks, threads=threads, plots=plots)
    for step in sorted(set(steps)):
        start = time.perf_counter()
        match step:
            case 1:
                check_graphs(validation)
                report.not_run.append(NotRun(1, ", ".join(backend.rounded), reason))
            case 2:
                report.not_run.append(NotRun(2, "one block", reason))
            case 3:
                _check_rollout(validation, blocks)
            case 4:
                check_audio(validation)
            case 5:
                report.not_run.append(NotRun(5, "other runtimes", f"none of them computes in {backend.precision} on these graphs"))
        report.seconds[STEPS[step]] = round(time.perf_counter() - start, 3)
    return report


def _check_rollout(validation: Validation, blocks: int | None) -> None:
    bundle, backend, report = validation.bundle, validation.backend, validation.report
    exact = make_backend(DEFAULT, bundle, validation.threads)
    reference = reference_of(bundle, exact, blocks, validation.begin)
    scenario, faults = reference.scenario, control_faults(bundle.manifest)
    tick = validation.begin(f"{backend.name}: rollouts", 2 * scenario.blocks * (1 + len(faults)))

    def parity(fault: Fault = HEALTHY) -> Parity:
        return parity_of(reference, rollouts(bundle, backend, scenario, reference.expected, fault, tick))

    own = parity()
    bound = Bound(DEFAULT_BUDGET, "the usual budget of a precision variant", DEFAULT_BUDGET)
    level = Bound(own.other_level_db, "what another seed of float32 differs by", own.other_level_db)
    report.checks += [
        Check(3, f"{scenario.blocks} blocks, each from the reference's context", SHARE, own.forced, bound),
        Check(3, f"{scenario.blocks} blocks in a closed loop", SHARE, own.closed, bound),
        Check(3, "level of each latent channel", "dB", own.level_db, level),
    ]
    report.facts["precision"] = {"kind": backend.precision, "graphs": list(backend.rounded), **own.to_json()}
    found = {noise_fault().name: parity_of(reference, reference.other)}
    found |= {fault.name: parity(fault) for fault in faults}
    report.controls += [Control(3, name, SHARE, made.share, DEFAULT_BUDGET) for name, made in found.items()]
