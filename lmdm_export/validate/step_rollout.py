"""Step 3: a closed loop of many blocks with prompt changes and mixes; errors feed back, so every block has a bound of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmdm_export.validate.bounds import CLOSED_LOOP_FACTOR, Bound, closed_loop_bounds
from lmdm_export.validate.context import Validation
from lmdm_export.validate.controls import Fault, cache_faults, drop_fault, noise_fault, prompt_fault, with_context_drop
from lmdm_export.validate.metrics import compare
from lmdm_export.validate.player import play
from lmdm_export.validate.report import Check, Control, NotRun
from lmdm_export.validate.truth import RolloutTruth, Unavailable
from lmdm_runtime.manifest import Manifest

ENOUGH_BLOCKS = 64
BLOCKS_AFTER_CHANGE = 3


def check_rollout(validation: Validation) -> None:
    """Adds the worst block, the blocks at which the dominant prompt changes, and every fault over the first change of prompt."""
    try:
        truth = validation.rollout(validation.blocks)
    except Unavailable as reason:
        validation.report.not_run.append(NotRun(3, f"closed loop of {validation.blocks} blocks", str(reason)))
        return
    bundle = with_context_drop(validation.bundle, truth.context_drop)
    tick = validation.begin("runtime: closed loop", truth.scenario.blocks)
    found = play(bundle, validation.backend, truth.scenario, tick=tick)
    curve, bounds = error_curve(truth, found), rollout_bounds(truth)
    scenario = truth.scenario
    whole = (
        f"{scenario.blocks} blocks, {len(scenario.changes)} prompt changes, {scenario.varying} new mixes, context drop {truth.context_drop}"
    )
    for what, blocks in ((whole, list(range(scenario.blocks))), ("first block after each prompt change", list(scenario.changes))):
        worst = max(blocks, key=lambda block: curve[block] / bounds[block])
        errors = compare(truth.expected[blocks], found[blocks])
        bound = loop_bound(bounds, worst)
        validation.report.checks.append(Check(3, what, f"max abs (worst: block {worst})", float(curve[worst]), bound, errors))
    curves = {"onnxruntime": curve, **truth.references, "bound": bounds}
    curves |= _faults(validation, truth, bounds)
    validation.report.facts["rollout"] = {
        "blocks": scenario.blocks,
        "enough_blocks": scenario.blocks >= ENOUGH_BLOCKS,
        "prompt_changes": sorted(scenario.changes),
        "context_drop": truth.context_drop,
        **truth.facts,
    }
    validation.report.curves.update({name: [float(e) for e in values] for name, values in curves.items()})
    if validation.plots is not None:
        from lmdm_export.validate.plots import plot_curves

        plot_curves(validation.plots / "rollout.png", f"closed loop against {validation.truth.name}", curves, scenario.changes)


def loop_bound(bounds: NDArray[np.float64], block: int) -> Bound:
    """The bound of one block with its reason."""
    reason = f"{CLOSED_LOOP_FACTOR:g} x the largest error that rounding alone has led to in torch's closed loop up to that block"
    return Bound(float(bounds[block]), reason, float(bounds[block]) / CLOSED_LOOP_FACTOR)


def rollout_bounds(truth: RolloutTruth) -> NDArray[np.float64]:
    """The bound of every block, [blocks]."""
    return closed_loop_bounds(list(truth.references.values()), np.max(np.abs(truth.expected), axis=(1, 2)))


def error_curve(truth: RolloutTruth, found: NDArray) -> NDArray[np.float64]:
    """Largest error of every block, [blocks]; infinite where a value is not finite."""
    return np.array([compare(expected, block).max_abs for expected, block in zip(truth.expected, found, strict=False)])


def _faults(validation: Validation, truth: RolloutTruth, bounds: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Adds every fault, over as many blocks as it needs to show; returns their error curves."""
    bundle = with_context_drop(validation.bundle, truth.context_drop)
    manifest, changes = bundle.manifest, sorted(truth.scenario.changes)
    faults: list[tuple[Fault, int]] = [(fault, changes[0]) for fault in (prompt_fault(manifest), *cache_faults(manifest), noise_fault())]
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
        curve = error_curve(truth, play(bundle, validation.backend, scenario, fault=fault))
        tick()
        worst = int(np.argmax(curve / bounds[: len(curve)]))
        metric = f"max abs (block {worst})"
        validation.report.controls.append(Control(3, fault.name, metric, float(curve[worst]), float(bounds[worst])))
        curves[f"fault: {fault.name}"] = curve
    return curves


def drops_music(manifest: Manifest, block: int) -> bool:
    """Whether a drop at this block reaches frames that were played: a stream from a null context has nothing to drop at first."""
    return block * manifest.model.block > manifest.model.context - manifest.sampling.context_drop
