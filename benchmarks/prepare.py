"""`python -m benchmarks.prepare FOLDER`: exports the instrument of a job where needed, and writes inputs and expected outputs.

In a process of its own, so that the float64 network does not stay in memory while others are timed.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.command import Command
from benchmarks.floor import Work, context_work, masked_step_work, step_work
from benchmarks.job import GRAPHS, PROMPT, Job, save_arrays
from benchmarks.moment import Moment
from benchmarks.report import write_result
from lmdm_export.graphs import GraphSpec
from lmdm_export.validate.reference import Reference
from lmdm_export.validate.scenario import Scenario, random_embedding
from lmdm_runtime.bundle import load_bundle
from lmdm_train.config import InstrumentConfig
from lmdm_train.model.routing import visible_context
from lmdm_train.rollout import cached_blocks
from lmdm_train.rollout.setup import Evaluation

OTHER_SEED = 1
# A closed loop of a small instrument takes seconds in float64, of a large one minutes.
SMALL_PARAMETERS, BLOCKS = 5e7, 4


@click.command(cls=Command)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def prepare(folder: Path) -> None:
    """Complete the job in FOLDER."""
    job = Job.read(folder)
    torch.set_num_threads(job.threads)
    job = replace(job, bundle=job.source.exported(lambda stage: _say(f"exporting: {stage}")))
    bundle, manifest = load_bundle(job.bundle), load_bundle(job.bundle).manifest
    truth = job.source.truth(job.bundle)
    job = replace(job, blocks=BLOCKS if manifest.model.parameters < SMALL_PARAMETERS else 1)
    job.write()
    _say("torch in float32 and float64: step, context, decode")
    single = Moment(truth.instrument, manifest)
    rounded = single.expected()
    inputs = {"step": single.step_inputs, "context": single.context_inputs, "decode": single.decode_inputs}
    for stage, arrays in inputs.items():
        save_arrays(folder / f"inputs-{stage}.npz", {name: value.numpy() for name, value in arrays.items()})
    rounding = {}
    for stage, outputs in single.precise().expected().items():
        save_arrays(folder / f"expected-{stage}.npz", {name: value.numpy() for name, value in outputs.items()})
        rounding[stage] = {name: float((rounded[stage][name].double() - value).abs().max()) for name, value in outputs.items()}
    _say(f"torch in float32 and float64: {job.blocks} blocks")
    scenario = scenario_of(truth.instrument.config, job.blocks, job.seed)
    if manifest.text is None:
        np.save(folder / "embedding.npy", scenario.embeddings[PROMPT])
    rounding["block"] = {"blocks": _write_blocks(job, truth.reference, scenario)}
    config = truth.instrument.config
    work = network_work(config, manifest.model.batch) | {"decode": counted_work(single.graphs[GRAPHS["decode"]])}
    evaluations = count_evaluations(truth.reference, scenario)
    work["block"] = work["context"] + evaluations * work["step"]
    work["masked block"] = evaluations * work["masked step"]
    period = 1e3 * manifest.model.block * manifest.codec.frame_size / manifest.codec.sample_rate
    facts: dict[str, Any] = {
        "rounding": rounding,
        "work": {name: asdict(of) for name, of in work.items()},
        "block_ms": job.source.block_ms(period),
        "steps": len(manifest.sampling.schedule) - 1,
        "evaluations": evaluations,
        "parameters": manifest.model.parameters,
        "layout": f"{manifest.model.context}/{manifest.model.block}",
        "pattern": manifest.model.pattern,
        "name": bundle.manifest.name,
        "batch": manifest.model.batch,
        "solver": manifest.sampling.solver,
        "weights": manifest.checkpoint["name"],
    }
    write_result(folder / "facts.json", facts)


def scenario_of(config: InstrumentConfig, blocks: int, seed: int) -> Scenario:
    """One prompt, and local controls at zero."""
    embeddings = {PROMPT: random_embedding(PROMPT, config.text.tokens, config.text.width)} if config.text.kind == "none" else {}
    still = {c.name: np.zeros((c.channels, blocks * config.layout.block), np.float32) for c in config.dit.controls}
    return Scenario(blocks, {0: [(PROMPT, 1.0)]}, seed, controls=still, embeddings=embeddings)


def count_evaluations(reference: Reference, scenario: Scenario) -> int:
    """How often the solver asks the network in one block."""
    seen: list[Evaluation] = []
    next(cached_blocks(replace(reference.rollout(scenario, torch.float32), collect=seen)))
    return sum(evaluation.stage == "block" for evaluation in seen)


def network_work(config: InstrumentConfig, batch: int) -> dict[str, Work]:
    """Least work of a step, of a step without a cache, and of the context pass."""
    layout, text, causal = config.layout, config.text.tokens + 1, config.pattern.kind == "block-causal"
    frames = layout.block if causal else layout.context
    keys = config.pattern.window_chunks * layout.block if causal else layout.context
    return {
        "step": step_work(config.dit, layout, visible_context(config.pattern, layout), text, batch),
        "masked step": masked_step_work(config.dit, layout, text, batch),
        "context": context_work(config.dit, frames, keys, text, batch),
    }


def counted_work(spec: GraphSpec) -> Work:
    """Matrix products and convolutions of a graph as torch counts them, and a read of its parameters; transforms are not counted."""
    # The counter does not see into attention that is one operator on a CPU.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        spec.run(spec.inputs)
    parameters = sum(parameter.numel() for parameter in spec.module.parameters())
    return Work(float(counter.get_total_flops()), 4.0 * parameters)


def _write_blocks(job: Job, reference: Reference, scenario: Scenario) -> float:
    """The closed loop in float64, and of another seed, which says how far apart two pieces are; returns torch's own rounding."""
    exact = reference.blocks(reference.rollout(scenario, torch.float64), job.blocks)
    rounded = reference.blocks(reference.rollout(scenario, torch.float32), job.blocks)
    other = reference.blocks(reference.rollout(replace(scenario, seed=scenario.seed + OTHER_SEED), torch.float32), job.blocks)
    save_arrays(job.folder / "expected-block.npz", {"blocks": exact})
    save_arrays(job.folder / "other-seed.npz", {"blocks": other})
    return float(np.max(np.abs(rounded - exact)))


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    prepare()
