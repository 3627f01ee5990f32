"""The validation of a variant: its rollout within its own budget, and what was not converted within float32's bounds as ever."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lmdm_export.precision.faults import control_faults
from lmdm_export.precision.measure import Parity, parity_of, share
from lmdm_export.precision.names import SILENT
from lmdm_export.precision.reference import Reference, rollouts, stored_reference
from lmdm_export.validate.bounds import Bound
from lmdm_export.validate.context import Validation
from lmdm_export.validate.controls import Fault, noise_fault
from lmdm_export.validate.player import HEALTHY, play_native
from lmdm_export.validate.report import STEPS, Check, Control, NotRun, Report
from lmdm_export.validate.step_audio import check_audio
from lmdm_export.validate.step_graph import check_graphs
from lmdm_export.validate.truth import Begin, GraphProbe, silent
from lmdm_export.validate.truth_fixtures import FixtureTruth
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtOptions
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.manifest import PrecisionEntry

SHARE = "share of another seed's distance"


class UnconvertedTruth(FixtureTruth):
    """The fixtures of the graphs that a variant took over as they were."""

    def __init__(self, bundle: Bundle, converted: Sequence[str]) -> None:
        super().__init__(bundle)
        self.converted = converted

    def graph_probes(self, begin: Begin) -> Iterator[GraphProbe]:
        return (probe for probe in super().graph_probes(begin) if probe.graph not in self.converted)


def validate_variant(
    bundle: Bundle,
    precision: PrecisionEntry,
    *,
    steps: Sequence[int] = tuple(STEPS),
    blocks: int | None = None,
    threads: int | None = None,
    plots: Path | None = None,
    begin: Begin = silent,
) -> Report:
    """Hold a variant to the budget that it states.

    Raises:
        ExportError: it lacks what it is held against.
    """
    truth = UnconvertedTruth(bundle, precision.graphs)
    report = Report(bundle.manifest.name, f"float32, in {precision.kind} with a budget of {precision.budget:g} ({SHARE})")
    reason = f"bounds of float32 do not hold for {precision.kind}; step 3 holds the whole to its budget"
    with tempfile.TemporaryDirectory(prefix="lmdm-validate.") as folder:
        played = _playable(bundle, precision, Path(folder))
        backend = OrtBackend(played, OrtOptions(threads=threads))
        validation = Validation(played, truth, backend, report, begin, blocks or truth.usual_blocks, threads=threads, plots=plots)
        for step in sorted(set(steps)):
            start = time.perf_counter()
            match step:
                case 1:
                    check_graphs(validation)
                    report.not_run.append(NotRun(1, ", ".join(precision.graphs), reason))
                case 2:
                    report.not_run.append(NotRun(2, "one block", reason))
                case 3:
                    _check_rollout(validation, precision, stored_reference(bundle, blocks))
                case 4:
                    check_audio(validation)
                case 5:
                    _check_native(validation, precision, bundle, blocks)
            report.seconds[STEPS[step]] = round(time.perf_counter() - start, 3)
    return report


def _playable(bundle: Bundle, precision: PrecisionEntry, folder: Path) -> Bundle:
    if precision.kind not in SILENT:
        return bundle
    # Only here is onnx needed.
    from lmdm_export.precision.variant import emulation

    return emulation(bundle, folder)


def _check_rollout(validation: Validation, precision: PrecisionEntry, reference: Reference) -> None:
    report, scenario = validation.report, reference.scenario
    faults = control_faults(validation.bundle.manifest)
    tick = validation.begin("runtime: rollouts", 2 * scenario.blocks * (1 + len(faults)))

    def parity(fault: Fault = HEALTHY) -> Parity:
        return parity_of(reference, rollouts(validation.bundle, validation.backend, scenario, reference.expected, fault, tick))

    own, bound = parity(), _bound(precision)
    report.checks += [
        Check(3, f"{scenario.blocks} blocks, each from the reference's context", SHARE, own.forced, bound),
        Check(3, f"{scenario.blocks} blocks in a closed loop", SHARE, own.closed, bound),
        Check(3, "level of each latent channel", "dB", own.level_db, _level_bound(own)),
    ]
    report.facts["precision"] = {
        "kind": precision.kind,
        "emulated": precision.kind in SILENT,
        "parity_when_written": precision.parity,
        **own.to_json(),
    }
    found = {noise_fault().name: parity_of(reference, reference.other)}
    found |= {fault.name: parity(fault) for fault in faults}
    report.controls += [Control(3, name, SHARE, made.share, precision.budget) for name, made in found.items()]


def _check_native(validation: Validation, precision: PrecisionEntry, bundle: Bundle, blocks: int | None) -> None:
    report, what = validation.report, "C++ runtime, closed loop"
    if precision.kind in SILENT or importlib.util.find_spec("lmdm_native") is None:
        why = "ONNX Runtime has no kernels for it" if precision.kind in SILENT else "the C++ engine is not installed"
        report.not_run.append(NotRun(5, what, why))
        return
    reference = stored_reference(bundle, blocks)
    tick = validation.begin("C++ runtime: closed loop", 2 * reference.scenario.blocks)
    other = replace(reference.scenario, seed=reference.scenario.seed + 1)
    made, wrong = (play_native(bundle, scenario, validation.threads, tick) for scenario in (reference.scenario, other))
    found = [share(reference.expected, blocks_made, reference.other.closed) for blocks_made in (made, wrong)]
    report.checks.append(Check(5, what, SHARE, found[0], _bound(precision)))
    report.controls.append(Control(5, "noise of another seed in C++", SHARE, found[1], precision.budget))


def _bound(precision: PrecisionEntry) -> Bound:
    reason = f"the budget that the variant states; when it was written it measured {precision.parity:.3g}"
    return Bound(precision.budget, reason, precision.parity)


def _level_bound(parity: Parity) -> Bound:
    return Bound(parity.other_level_db, "what another seed of float32 differs by", parity.other_level_db)
