"""How ONNX Runtime's step, context pass and block grow with context, block, steps and size of the network, beside the floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.crew import Worker, crew
from benchmarks.floor import Peak, Work
from benchmarks.job import Job, load_arrays
from benchmarks.parity import check_exact
from benchmarks.peers import PeerEntry, peer_table
from benchmarks.source import Source
from benchmarks.timing import Milliseconds, Sample

# The default instrument's network with random weights: lmdm_train/presets/default.py.
PRESET, CONTEXT, BLOCK, WIDTH, DEPTH = "default", 56, 8, 256, 5
CONTEXTS = (8, 24, 56, 120, 232)
BLOCKS = (2, 4, 8, 16, 32)
SIZES = ((128, 2), (256, 5), (512, 8), (1024, 8))
STEPS = (1, 2, 4, 8)
STAGES = ("step", "context", "block")


def measure_scaling(work: Path, threads: int, runs: int, peak: Peak, say: Callable[[str], object]) -> dict[str, Any]:
    """Points of every axis: {"context": [{"at": 8, "step": {"median", "floor"}, ...}], "block": ..., "steps": ..., "parameters": ...}.

    Raises:
        click.ClickException: a network could not be exported.
    """
    base = Source(preset=PRESET, layout=f"{CONTEXT}/{BLOCK}", small_codec=True, few_steps=True, work=work)
    point = Point(work, threads, runs, peak, say)
    middle = point.measured(base, STEPS)
    axes: dict[str, list[dict[str, Any]]] = {"steps": [{"at": steps, "block": middle[f"block, {steps} steps"]} for steps in STEPS]}
    axes["context"] = [
        {"at": context, **(middle if context == CONTEXT else point.measured(replace(base, layout=f"{context}/{BLOCK}")))}
        for context in CONTEXTS
    ]
    axes["block"] = [
        {"at": block, **(middle if block == BLOCK else point.measured(replace(base, layout=f"{CONTEXT}/{block}")))} for block in BLOCKS
    ]
    axes["parameters"] = [
        {
            **(middle if (width, depth) == (WIDTH, DEPTH) else point.measured(replace(base, width=width, depth=depth))),
            "size": [width, depth],
        }
        for width, depth in SIZES
    ]
    for entry in axes["parameters"]:
        entry["at"] = entry["parameters"]
    network = f"{PRESET} {CONTEXT}/{BLOCK}, width {WIDTH}, depth {DEPTH}, {middle['steps']} steps, random weights, no guidance"
    return {"network": network, "axes": axes}


class Point:
    """Measures one network after the other; each is exported once and kept."""

    def __init__(self, work: Path, threads: int, runs: int, peak: Peak, say: Callable[[str], object]) -> None:
        self._work, self._threads, self._runs, self._peak, self._say = work, threads, runs, peak, say
        self._entry = peer_table()["onnxruntime"]

    def measured(self, source: Source, steps: tuple[int, ...] = ()) -> dict[str, Any]:
        """Median and floor of every stage, and `parity`: the largest error of its step over the bound."""
        size = "" if source.width is None else f", width {source.width}, depth {source.depth}"
        self._say(f"scaling: {source.layout}{size}")
        folder = self._work / "scaling"
        job = Job(folder, Path(), source, self._threads, seed=7, blocks=1).prepare(lambda _: None)
        facts = job.facts()
        entry = PeerEntry(self._entry.target, {**self._entry.options, "steps": list(steps)})
        with crew(job) as workers:
            worker = workers["onnxruntime"] = Worker(job, entry)
            file = folder / "found.npz"
            worker.ask("outputs", stage="step", swap=False, file=str(file))
            check = check_exact("onnxruntime", "step", job.expected("step"), load_arrays(file), facts["rounding"]["step"], None)
            stages = [*STAGES, *(f"block, {count} steps" for count in steps)]
            made = {stage: worker.ask("time", stage=stage, runs=self._runs + 1)["samples"][1:] for stage in stages}
        work = {name: Work(**of) for name, of in facts["work"].items()}
        work |= {f"block, {count} steps": work["context"] + count * work["step"] for count in steps}
        return {
            "parameters": facts["parameters"],
            "steps": facts["steps"],
            "parity": round(check.error / (check.bound or 1.0), 4),
            **{
                stage: {
                    "median": round(Milliseconds.of([Sample(*sample) for sample in samples]).median, 4),
                    "floor": round(work[stage].floor_ms(self._peak)["floor"], 4),
                }
                for stage, samples in made.items()
            },
        }
