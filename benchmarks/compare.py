"""All peers of one job: first parity, then time, in turn and in a row, beside the floor."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.crew import PeerFailed, PeerUnavailable, Worker, crew
from benchmarks.floor import Work, probe_peak
from benchmarks.job import Job, load_arrays
from benchmarks.parity import Check, check_exact, check_variant
from benchmarks.peers import MASKED, RUNTIME, STABLE_AUDIO_TOOLS, PeerEntry
from benchmarks.timing import Milliseconds, Sample

STAGES = ("step", "plain step", "context", "block", "decode")
STAGE_SECONDS = 45.0
FEWEST = 3
Say = Callable[[str], object]


def compare_peers(
    job: Job, table: Mapping[str, PeerEntry], budgets: Mapping[str, float], runs: int, skip: tuple[str, ...], say: Say
) -> dict[str, Any]:
    """Parity, times, floors and memory of every peer, and `failures` in words. A peer that fails parity is not timed.

    Args:
        budgets: of the peers that are not exact, by name.
        skip: stages whose time means nothing here.
    """
    facts, failures, unavailable = job.facts(), [], {}
    with crew(job) as workers:
        for name, entry in table.items():
            say(f"starting: {name}")
            try:
                workers[name] = Worker(job, entry)
            except PeerUnavailable as reason:
                unavailable[name] = str(reason)
            except PeerFailed as reason:
                failures.append(f"{name}: {reason}")
        checks, slow = _parity(job, facts, workers, table, budgets, skip, failures, say)
        failures += [check.sentence for check in checks if not check.passed]
        for name in {check.peer for check in checks if not check.passed}:
            workers.pop(name).close()
        before = probe_peak(job.threads)
        in_turn = _times(workers, runs, skip, slow, say)
        in_a_row = {stage: _row(workers, stage, runs, slow) for stage in STAGES if stage not in skip}
        memory = {name: worker.ask("memory")["memory_mib"] for name, worker in workers.items()}
        load = {name: worker.load_ms for name, worker in workers.items()}
    peak = before.best(probe_peak(job.threads))
    floors = {name: Work(**of).floor_ms(peak) for name, of in facts["work"].items()}
    floors["plain step"] = floors["masked step"]
    return {
        "instrument": {name: facts[name] for name in facts if name not in ("rounding", "work")},
        "parity": [check.to_json() for check in checks],
        "unavailable": unavailable,
        "failures": failures,
        "peak": peak.to_json(),
        "floor_ms": floors,
        "stages": {
            stage: {name: _figures(stage, name, samples, in_a_row[stage].get(name, []), floors) for name, samples in of.items()}
            for stage, of in in_turn.items()
        },
        "ratios": _ratios(in_turn),
        "load_ms": load,
        "memory_mib": memory,
    }


def _parity(
    job: Job,
    facts: dict[str, Any],
    workers: dict[str, Worker],
    table: Mapping[str, PeerEntry],
    budgets: Mapping[str, float],
    skip: tuple[str, ...],
    failures: list[str],
    say: Say,
) -> tuple[list[Check], dict[tuple[str, str], float]]:
    """Checks of every stage of every peer, and the seconds that a stage took; a peer whose process ends is no longer among `workers`."""
    checks, seconds = [], {}
    file = job.folder / "found.npz"
    for name, worker in list(workers.items()):
        say(f"parity: {name}")
        try:
            for stage in worker.stages:
                if stage in skip:
                    continue
                expected, began = job.expected(stage), time.monotonic()
                worker.ask("outputs", stage=stage, swap=False, file=str(file))
                seconds[name, stage] = (time.monotonic() - began) / (job.blocks if stage == "block" else 1)
                found, began = load_arrays(file), time.monotonic()
                swap = None if worker.ask("outputs", stage=stage, swap=True, file=str(file))["none"] else load_arrays(file)
                if swap is not None:
                    # The first run of a compiler is no measure of the second.
                    seconds[name, stage] = min(seconds[name, stage], time.monotonic() - began)
                if stage == "block":
                    expected = {"blocks": expected["blocks"][: len(found["blocks"])]}
                if table[name].exact:
                    checks.append(check_exact(name, stage, expected, found, facts["rounding"][stage], swap))
                else:
                    other = load_arrays(job.folder / "other-seed.npz")["blocks"]
                    checks.append(check_variant(name, stage, expected, found, budgets[name], other))
        except PeerFailed as reason:
            failures.append(f"{name}: {reason}")
            workers.pop(name).close()
    return checks, seconds


def _times(
    workers: dict[str, Worker], runs: int, skip: tuple[str, ...], seconds: dict[tuple[str, str], float], say: Say
) -> dict[str, dict[str, list[Sample]]]:
    """Samples by stage and peer: every peer runs once a round, one after the other. A stage ends early once it has taken its time."""
    found: dict[str, dict[str, list[Sample]]] = {}
    for stage in STAGES:
        taking = {name: worker for name, worker in workers.items() if stage in worker.stages}
        if stage in skip or not taking:
            continue
        say(f"timing in turn: {stage}")
        found[stage] = {name: [] for name in taking}
        began, long = time.monotonic(), sum(seconds[name, stage] for name in taking) > STAGE_SECONDS / 4
        # What takes seconds has been warmed up by its parity.
        for turn in range(0 if long else -1, runs):
            if turn >= FEWEST and time.monotonic() - began > STAGE_SECONDS:
                break
            for name, worker in taking.items():
                samples = worker.ask("time", stage=stage, runs=1)["samples"]
                if turn >= 0:
                    found[stage][name].append(Sample(*samples[0]))
    return found


def _row(workers: dict[str, Worker], stage: str, runs: int, seconds: dict[tuple[str, str], float]) -> dict[str, list[Sample]]:
    """Samples of each peer alone, one run right after the other, so that its caches are warm; the first does not count."""
    found = {}
    for name, worker in workers.items():
        if stage in worker.stages and seconds[name, stage] * (runs + 1) < STAGE_SECONDS / 2:
            found[name] = [Sample(*sample) for sample in worker.ask("time", stage=stage, runs=runs + 1)["samples"][1:]]
    return found


def floor_name(stage: str, peer: str) -> str:
    """Which floor a bar stands beside: a peer without a cache has more to do."""
    return f"masked {stage}" if peer in (MASKED, STABLE_AUDIO_TOOLS) and stage in ("step", "block") else stage


def _figures(stage: str, peer: str, turn: list[Sample], row: list[Sample], floors: dict[str, dict[str, float]]) -> dict[str, Any]:
    made = Milliseconds.of(turn)
    floor = floors[floor_name(stage, peer)]["floor"]
    return {
        "in_turn": made.to_json(),
        "in_a_row": Milliseconds.of(row).to_json() if row else None,
        "floor": round(floor, 4),
        "times_the_floor": round(made.median / floor, 3),
    }


def _ratios(in_turn: dict[str, dict[str, list[Sample]]]) -> dict[str, dict[str, float]]:
    """Median of every peer over that of ONNX Runtime; the plain step is held against ONNX Runtime's cached step."""
    medians = {stage: {name: float(np.median([s.wall for s in samples])) for name, samples in of.items()} for stage, of in in_turn.items()}
    found = {}
    for stage, of in medians.items():
        base = medians.get("step" if stage == "plain step" else stage, {}).get(RUNTIME)
        if base is not None:
            found[stage] = {name: round(median / base, 3) for name, median in of.items() if (stage, name) != (stage, RUNTIME)}
    return found
