"""Step 5: the same bundle across runtimes; where there is one runtime only, a second configuration of it, and named so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime as ort

from lmdm_export.validate.bounds import closed_loop_bounds
from lmdm_export.validate.context import Validation
from lmdm_export.validate.controls import cache_faults, with_context_drop
from lmdm_export.validate.metrics import compare
from lmdm_export.validate.player import play
from lmdm_export.validate.report import Check, Control, NotRun
from lmdm_export.validate.step_rollout import loop_bound
from lmdm_export.validate.truth import Unavailable
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtOptions, physical_cores

MOST_BLOCKS = 16


class PlainBackend(OrtBackend):
    """ONNX Runtime with no graph optimisation: the graphs as they are written, node by node."""

    def _session_options(self, graph: str) -> ort.SessionOptions:
        options = super()._session_options(graph)
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        return options


def check_runtimes(validation: Validation) -> None:
    """Adds the second configuration against the first, and one fault in it; says that no second runtime was run."""
    report = validation.report
    report.not_run.append(NotRun(5, "C++ runtime against Python", "no second runtime is installed"))
    try:
        truth = validation.rollout(validation.blocks)
    except Unavailable as reason:
        report.not_run.append(NotRun(5, "second configuration of the Python runtime", str(reason)))
        return
    bundle = with_context_drop(validation.bundle, truth.context_drop)
    scenario = truth.scenario.first(min(MOST_BLOCKS, truth.scenario.blocks))
    threads = 2 if (validation.threads or physical_cores()) == 1 else 1
    other = PlainBackend(validation.bundle, OrtOptions(threads=threads, small=True))
    tick = validation.begin("runtime: second configuration", 3 * scenario.blocks)
    first = play(bundle, validation.backend, scenario, tick=tick)
    second = play(bundle, other, scenario, tick=tick)
    bounds = closed_loop_bounds([curve[: scenario.blocks] for curve in truth.references.values()], np.max(np.abs(first), axis=(1, 2)))
    errors = compare(first, second)
    bound = loop_bound(bounds, scenario.blocks - 1)
    what = f"Python runtime, second configuration: {threads} thread{'s' * (threads > 1)}, no graph optimisation, no prepacking"
    report.checks.append(Check(5, what, "max abs", errors.max_abs, bound, errors))
    fault = replace(next(f for f in cache_faults(bundle.manifest) if f.name == "swapped K and V"), name="swapped K and V in the second")
    broken = compare(first, play(bundle, other, scenario, fault=fault, tick=tick))
    report.controls.append(Control(5, fault.name, "max abs", broken.max_abs, bound.value))
