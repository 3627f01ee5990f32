"""Step 5: the same bundle across runtimes; where there is one runtime only, a second configuration of it, and named so."""

from __future__ import annotations

import onnxruntime as ort

from lmdm_export.validate.context import Validation
from lmdm_export.validate.controls import cache_faults
from lmdm_export.validate.loop import closed_loop
from lmdm_export.validate.metrics import compare
from lmdm_export.validate.player import play
from lmdm_export.validate.report import Check, Control, NotRun
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
        loop = closed_loop(validation)
    except Unavailable as reason:
        report.not_run.append(NotRun(5, "second configuration of the Python runtime", str(reason)))
        return
    scenario = loop.truth.scenario.first(min(MOST_BLOCKS, loop.truth.scenario.blocks))
    first, bound = loop.played[: scenario.blocks], loop.bound(scenario.blocks - 1)
    threads = 2 if (validation.threads or physical_cores()) == 1 else 1
    other = PlainBackend(validation.bundle, OrtOptions(threads=threads, small=True))
    tick = validation.begin("runtime: second configuration", 2 * scenario.blocks)
    errors = compare(first, play(loop.bundle, other, scenario, tick=tick))
    what = f"Python runtime, second configuration: {threads} thread{'s' * (threads > 1)}, no graph optimisation, no prepacking"
    report.checks.append(Check(5, what, "max abs", errors.max_abs, bound, errors))
    swapped = next(fault for fault in cache_faults(loop.bundle.manifest) if fault.name == "swapped K and V")
    broken = compare(first, play(loop.bundle, other, scenario, fault=swapped, tick=tick))
    report.controls.append(Control(5, f"{swapped.name} in the second", "max abs", broken.max_abs, bound.value))
