"""Step 3: a closed loop of many blocks with prompt changes and mixes; errors feed back, so every block has a bound of its own."""

from __future__ import annotations

import numpy as np

from lmdm_export.validate.context import Validation
from lmdm_export.validate.control_faults import loop_faults
from lmdm_export.validate.controls import Fault, cache_faults, drop_fault, noise_fault, prompt_fault
from lmdm_export.validate.loop import Curve, Loop, closed_loop, error_curve
from lmdm_export.validate.metrics import compare
from lmdm_export.validate.player import play
from lmdm_export.validate.report import Check, Control, NotRun
from lmdm_export.validate.scenario import USUAL_BLOCKS
from lmdm_export.validate.truth import Unavailable
from lmdm_runtime.manifest import Manifest

BLOCKS_AFTER_CHANGE = 3


def check_rollout(validation: Validation) -> None:
    """Adds the worst block, the blocks at which the dominant prompt changes, and every fault over the first change of prompt."""
    try:
        loop = closed_loop(validation)
    except Unavailable as reason:
        validation.report.not_run.append(NotRun(3, f"closed loop of {validation.blocks} blocks", str(reason)))
        return
    truth, scenario = loop.truth, loop.truth.scenario
    curve = error_curve(truth.expected, loop.played)
    events = f"{len(scenario.changes)} prompt changes (context drop {truth.context_drop}), {scenario.varying} new mixes"
    whole = f"{scenario.blocks} blocks, {events}"
    for what, blocks in ((whole, list(range(scenario.blocks))), ("first block after each prompt change", list(scenario.changes))):
        worst = max(blocks, key=lambda block: curve[block] / loop.bounds[block])
        errors = compare(truth.expected[blocks], loop.played[blocks])
        validation.report.checks.append(Check(3, what, f"max abs (worst: block {worst})", float(curve[worst]), loop.bound(worst), errors))
    curves = {validation.backend.name: curve, **loop.references, "bound": loop.bounds}
    curves |= _faults(validation, loop)
    validation.report.facts["rollout"] = {
        "blocks": scenario.blocks,
        "enough_blocks": scenario.blocks >= USUAL_BLOCKS,
        "prompt_changes": sorted(scenario.changes),
        "context_drop": truth.context_drop,
        "controls": [control.kind for control in loop.bundle.manifest.controls],
        **truth.facts,
    }
    validation.report.curves.update({name: [float(e) for e in values] for name, values in curves.items()})
    if validation.plots is not None:
        from lmdm_export.validate.plots import plot_curves

        plot_curves(validation.plots / "rollout.png", f"closed loop against {validation.truth.name}", curves, scenario.changes)


def _faults(validation: Validation, loop: Loop) -> dict[str, Curve]:
    """Adds every fault, over as many blocks as it needs to show; returns their error curves."""
    truth, bounds, manifest = loop.truth, loop.bounds, loop.bundle.manifest
    changes = sorted(truth.scenario.changes)
    always = (prompt_fault(manifest), *cache_faults(manifest), *loop_faults(loop.bundle), noise_fault())
    faults: list[tuple[Fault, int]] = [(fault, changes[0]) for fault in always]
    if manifest.sampling.context_drop:
        fault, shows = drop_fault(), next((block for block in changes if drops_music(manifest, block)), None)
        if shows is None:
            reason = (
                f"no prompt change comes after the context is longer than its {manifest.model.context - truth.context_drop} kept frames"
            )
            validation.report.not_run.append(NotRun(3, f"fault: {fault.name}", f"{reason}; give more --blocks"))
        else:
            faults.append((fault, shows))
    tick = validation.begin("runtime: closed loop with faults", len(faults))
    curves = {}
    for fault, change in faults:
        scenario = truth.scenario.first(min(truth.scenario.blocks, change + BLOCKS_AFTER_CHANGE))
        curve = error_curve(truth.expected, play(loop.bundle, validation.backend, scenario, fault=fault))
        tick()
        worst = int(np.argmax(curve / bounds[: len(curve)]))
        metric = f"max abs (block {worst})"
        validation.report.controls.append(Control(3, fault.name, metric, float(curve[worst]), float(bounds[worst])))
        curves[f"fault: {fault.name}"] = curve
    return curves


def drops_music(manifest: Manifest, block: int) -> bool:
    """Whether a drop at this block reaches frames that were played: a stream from a null context has nothing to drop at first."""
    return block * manifest.model.block > manifest.model.context - manifest.sampling.context_drop
