"""`python -m benchmarks.worker FOLDER NAME`: one peer of a job, which serves requests, a JSON object a line, until its input ends.

Answers go to what was standard output; whatever libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import IO, Any

import click

from benchmarks.job import Job, save_arrays
from benchmarks.memory import memory_of
from benchmarks.peers import load_target
from benchmarks.peers.base import Stage, Unavailable


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("target")
@click.argument("options")
def worker(folder: Path, target: str, options: str) -> None:
    """Serve the peer TARGET of the job in FOLDER with OPTIONS, a JSON object."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    began = time.perf_counter()
    try:
        peer = load_target(target)(Job.read(folder), **json.loads(options))
        stages: dict[str, Stage] = peer.stages()
    except Unavailable as reason:
        _tell(answers, {"unavailable": str(reason)})
        return
    _tell(answers, {"stages": list(stages), "load_ms": round(1e3 * (time.perf_counter() - began), 1)})
    for line in sys.stdin:
        _tell(answers, _answer(peer, stages, json.loads(line)))


def _answer(peer: Any, stages: dict[str, Stage], request: dict[str, Any]) -> dict[str, Any]:
    kind = request["do"]
    if kind == "time":
        return {"samples": timed(stages[request["stage"]], request["runs"])}
    if kind == "outputs":
        made = stages[request["stage"]].outputs(request["swap"])
        if made is None:
            return {"none": True}
        save_arrays(request["file"], made)
        return {"none": False}
    assert kind == "memory"
    return {"memory_mib": memory_of(os.getpid())}


def timed(stage: Stage, runs: int) -> list[tuple[float, float]]:
    """Seconds on the wall and of the processor, of each of `runs` runs."""
    samples = []
    for _ in range(runs):
        cpu, wall = time.process_time(), time.perf_counter()
        stage.run()
        end, used = time.perf_counter(), time.process_time()
        samples.append((end - wall, used - cpu))
    return samples


def _tell(answers: IO[str], answer: dict[str, Any]) -> None:
    print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    worker()
