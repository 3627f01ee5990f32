"""Step 5: the same bundle across runtimes: the C++ engine where it is installed, and a second configuration of the Python one."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import replace

import onnxruntime as ort

from lmdm_export.validate.context import Validation
from lmdm_export.validate.controls import cache_faults
from lmdm_export.validate.loop import Loop, closed_loop
from lmdm_export.validate.metrics import compare
from lmdm_export.validate.player import play, play_native
from lmdm_export.validate.report import Check, Control, NotRun
from lmdm_export.validate.scenario import Mix
from lmdm_export.validate.truth import Unavailable
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtOptions, physical_cores

MOST_BLOCKS = 16
BLOCKS_AFTER_CHANGE = 3
NATIVE = "C++ runtime against Python"
SECOND = "Python runtime, second configuration:"


class PlainBackend(OrtBackend):
    """ONNX Runtime with no graph optimisation: the graphs as they are written, node by node."""

    def _session_options(self, graph: str) -> ort.SessionOptions:
        options = super()._session_options(graph)
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        return options


def check_runtimes(validation: Validation) -> None:
    """Adds the C++ engine and a second configuration against the first, with faults that each must show."""
    report = validation.report
    try:
        loop = closed_loop(validation)
    except Unavailable as reason:
        report.not_run += [NotRun(5, what, str(reason)) for what in (NATIVE, "second configuration of the Python runtime")]
        return
    if importlib.util.find_spec("lmdm_native") is None:
        why = "the C++ engine is not installed; from the project's folder, run: pip install ./runtime_cpp/bindings"
        report.not_run.append(NotRun(5, NATIVE, why))
    else:
        _check_native(validation, loop)
    _check_second(validation, loop)


def _check_native(validation: Validation, loop: Loop) -> None:
    """The whole closed loop in C++. It reads the bundle's folder, so the Python side plays by the bundle's own context drop too."""
    bundle, scenario = validation.bundle, loop.truth.scenario
    same = loop.bundle.manifest == bundle.manifest
    first = loop.played if same else play(bundle, validation.backend, scenario)
    tick = validation.begin("C++ runtime: closed loop", scenario.blocks)
    errors, bound = compare(first, play_native(bundle, scenario, validation.threads, tick)), loop.bound(scenario.blocks - 1)
    validation.report.checks.append(Check(5, f"{NATIVE}, {scenario.blocks} blocks", "max abs", errors.max_abs, bound, errors))
    part = scenario.first(min(scenario.blocks, min(scenario.changes, default=0) + BLOCKS_AFTER_CHANGE))
    faults = {
        "noise of another seed in C++": replace(part, seed=part.seed + 1),
        "a prompt change one block late in C++": replace(part, timeline=_late(part.timeline)),
    }
    for fault, other in faults.items():
        broken = compare(first[: part.blocks], play_native(bundle, other, validation.threads))
        validation.report.controls.append(Control(5, fault, "max abs", broken.max_abs, bound.value))


def _late(timeline: Mapping[int, Mix]) -> dict[int, Mix]:
    return {block + (block > 0): mix for block, mix in timeline.items()}


def _check_second(validation: Validation, loop: Loop) -> None:
    report = validation.report
    scenario = loop.truth.scenario.first(min(MOST_BLOCKS, loop.truth.scenario.blocks))
    first, bound = loop.played[: scenario.blocks], loop.bound(scenario.blocks - 1)
    threads = 2 if (validation.threads or physical_cores()) == 1 else 1
    other = PlainBackend(validation.bundle, OrtOptions(threads=threads, small=True))
    tick = validation.begin("runtime: second configuration", 2 * scenario.blocks)
    errors = compare(first, play(loop.bundle, other, scenario, tick=tick))
    label = SECOND if validation.backend.name == other.name else f"{validation.backend.name} against ONNX Runtime:"
    what = f"{label} {threads} thread{'s' * (threads > 1)}, no graph optimisation, no prepacking"
    report.checks.append(Check(5, what, "max abs", errors.max_abs, bound, errors))
    swapped = next(fault for fault in cache_faults(loop.bundle.manifest) if fault.name == "swapped K and V")
    broken = compare(first, play(loop.bundle, other, scenario, fault=swapped, tick=tick))
    report.controls.append(Control(5, f"{swapped.name} in the second", "max abs", broken.max_abs, bound.value))
