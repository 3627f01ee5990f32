"""The validation of what rounds, a variant or an engine: the rollout within a budget, and graphs that are not rounded within float32's
bounds as ever."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lmdm_export.precision.faults import control_faults
from lmdm_export.precision.measure import Parity, parity_of, share
from lmdm_export.precision.names import DEFAULT_BUDGET, SILENT
from lmdm_export.precision.reference import Reference, reference_of, rollouts, stored_reference
from lmdm_export.validate.bounds import Bound
from lmdm_export.validate.context import Options, Validation
from lmdm_export.validate.controls import Fault, noise_fault
from lmdm_export.validate.player import HEALTHY, play_native
from lmdm_export.validate.report import STEPS, Check, Control, NotRun, Report
from lmdm_export.validate.step_audio import check_audio
from lmdm_export.validate.step_graph import check_graphs
from lmdm_export.validate.truth import Begin, GraphProbe
from lmdm_export.validate.truth_fixtures import FixtureTruth
from lmdm_runtime.backends import DEFAULT, make_backend
from lmdm_runtime.backends.base import FLOAT32, Backend
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.manifest import PrecisionEntry

SHARE = "share of another seed's distance"


@dataclass(frozen=True)
class Budget:
    """What a bundle in a backend is held to.

    kind: what the graphs `rounded` are computed in.
    reference: what rollouts are held against, made when it is asked for.
    native: the variant whose rollout in the C++ runtime is held to the budget too, or why none is.
    """

    kind: str
    rounded: tuple[str, ...]
    bound: Bound
    reference: Callable[[], Reference]
    native: Bundle | str
    facts: dict[str, Any]


class UnroundedTruth(FixtureTruth):
    """The fixtures of the graphs that are computed in float32."""

    def __init__(self, bundle: Bundle, rounded: Sequence[str]) -> None:
        super().__init__(bundle)
        self.rounded = rounded

    def graph_probes(self, begin: Begin) -> Iterator[GraphProbe]:
        return (probe for probe in super().graph_probes(begin) if probe.graph not in self.rounded)


def validate_variant(bundle: Bundle, precision: PrecisionEntry, engine: str, options: Options) -> Report:
    """Hold a variant in an engine to the budget that the variant states.

    Raises:
        LmdmError: the engine is not installed or does not take the variant.
        ExportError: the variant lacks what it is held against.
    """
    emulated = engine == DEFAULT and precision.kind in SILENT
    with tempfile.TemporaryDirectory(prefix="lmdm-validate.") as folder:
        played = _emulation(bundle, Path(folder)) if emulated else bundle
        backend = make_backend(engine, played, options.threads)
        reason = f"the budget that the variant states; when it was written it measured {precision.parity:.3g}"
        budget = Budget(
            kind=precision.kind if backend.precision == FLOAT32 else f"{precision.kind}, rounded to {backend.precision}",
            rounded=(*precision.graphs, *(graph for graph in backend.rounded if graph not in precision.graphs)),
            bound=Bound(precision.budget, reason, precision.parity),
            reference=lambda: stored_reference(bundle, options.blocks),
            native=_native(bundle, precision, engine),
            facts={"emulated": emulated, "parity_when_written": precision.parity},
        )
        return _validate(played, backend, budget, options)


def validate_rounding_engine(bundle: Bundle, backend: Backend, options: Options) -> Report:
    """Hold an engine that computes a float32 bundle in less to the usual budget of a variant.

    Raises:
        ExportError: the bundle lacks a fixture.
    """
    budget = Budget(
        kind=backend.precision,
        rounded=backend.rounded,
        bound=Bound(DEFAULT_BUDGET, "the usual budget of a precision variant", DEFAULT_BUDGET),
        reference=lambda: reference_of(bundle, make_backend(DEFAULT, bundle, options.threads), options.blocks, options.begin),
        native=f"none of them computes in {backend.precision} on these graphs",
        facts={"graphs": list(backend.rounded)},
    )
    return _validate(bundle, backend, budget, options)


def _validate(bundle: Bundle, backend: Backend, budget: Budget, options: Options) -> Report:
    truth = UnroundedTruth(bundle, budget.rounded)
    against = f"float32, in {budget.kind} with a budget of {budget.bound.value:g} ({SHARE})"
    report = Report(bundle.manifest.name, against, engine=backend.name)
    length = options.blocks or truth.usual_blocks
    validation = Validation(bundle, truth, backend, report, options.begin, length, threads=options.threads, plots=options.plots)
    reason = f"bounds of float32 do not hold for {budget.kind}; step 3 holds the whole to its budget"
    for step in sorted(set(options.steps)):
        start = time.perf_counter()
        match step:
            case 1:
                check_graphs(validation)
                report.not_run.append(NotRun(1, ", ".join(budget.rounded), reason))
            case 2:
                report.not_run.append(NotRun(2, "one block", reason))
            case 3:
                _check_rollout(validation, budget)
            case 4:
                check_audio(validation)
            case 5:
                _check_native(validation, budget)
        report.seconds[STEPS[step]] = round(time.perf_counter() - start, 3)
    return report


def _check_rollout(validation: Validation, budget: Budget) -> None:
    bundle, report, reference = validation.bundle, validation.report, budget.reference()
    scenario, faults = reference.scenario, control_faults(bundle.manifest)
    tick = validation.begin(f"{validation.backend.name}: rollouts", 2 * scenario.blocks * (1 + len(faults)))

    def parity(fault: Fault = HEALTHY) -> Parity:
        return parity_of(reference, rollouts(bundle, validation.backend, scenario, reference.expected, fault, tick))

    own = parity()
    level = Bound(own.other_level_db, "what another seed of float32 differs by", own.other_level_db)
    report.checks += [
        Check(3, f"{scenario.blocks} blocks, each from the reference's context", SHARE, own.forced, budget.bound),
        Check(3, f"{scenario.blocks} blocks in a closed loop", SHARE, own.closed, budget.bound),
        Check(3, "level of each latent channel", "dB", own.level_db, level),
    ]
    report.facts["precision"] = {"kind": budget.kind, **budget.facts, **own.to_json()}
    found = {noise_fault().name: parity_of(reference, reference.other)}
    found |= {fault.name: parity(fault) for fault in faults}
    report.controls += [Control(3, name, SHARE, made.share, budget.bound.value) for name, made in found.items()]


def _check_native(validation: Validation, budget: Budget) -> None:
    report, variant = validation.report, budget.native
    if isinstance(variant, str):
        report.not_run.append(NotRun(5, "C++ runtime, closed loop", variant))
        return
    reference = budget.reference()
    tick = validation.begin("C++ runtime: closed loop", 2 * reference.scenario.blocks)
    other = replace(reference.scenario, seed=reference.scenario.seed + 1)
    made, wrong = (play_native(variant, scenario, validation.threads, tick) for scenario in (reference.scenario, other))
    found = [share(reference.expected, blocks, reference.other.closed) for blocks in (made, wrong)]
    report.checks.append(Check(5, "C++ runtime, closed loop", SHARE, found[0], budget.bound))
    report.controls.append(Control(5, "noise of another seed in C++", SHARE, found[1], budget.bound.value))


def _native(bundle: Bundle, precision: PrecisionEntry, engine: str) -> Bundle | str:
    if engine != DEFAULT:
        return "it plays in ONNX Runtime; run lmdm validate without --engine"
    if precision.kind in SILENT:
        return "ONNX Runtime has no kernels for it"
    if importlib.util.find_spec("lmdm_native") is None:
        return "the C++ engine is not installed; from the project's folder, run: pip install ./runtime_cpp/bindings"
    return bundle


def _emulation(bundle: Bundle, folder: Path) -> Bundle:
    # Only here is onnx needed.
    from lmdm_export.precision.variant import emulation

    return emulation(bundle, folder)
