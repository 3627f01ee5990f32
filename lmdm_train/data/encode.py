"""Encodes a folder of music in parallel: resumable, and no file that cannot be used ends the run."""

from __future__ import annotations

import contextlib
import fcntl
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import torch

from lmdm_train.checkpoint.files import write_atomically
from lmdm_train.data.audio import AudioProblem
from lmdm_train.data.dynamics import with_dynamics
from lmdm_train.data.encoded import current, encode_piece, refreshed, stamp, stored_metadata, write_item, write_metadata
from lmdm_train.data.encoder import Encoder
from lmdm_train.data.layouts import Piece, find_pieces
from lmdm_train.errors import LmdmTrainError


@dataclass(frozen=True)
class EncodeSettings:
    """What `lmdm data encode` was asked for; either `checkpoint` or `codec` names the codec.

    `dynamics` versions of every piece under gain curves are encoded beside it (`lmdm_train.data.dynamics`).
    """

    output: Path
    checkpoint: Path | None = None
    codec: Path | None = None
    stems: bool = False
    least_seconds: float = 1.0
    device: str = "cpu"
    dynamics: int = 0


@dataclass
class Report:
    """What became of every piece; `dynamics` of those encoded or kept stand under gain curves.

    `skipped` and `noted` map a kind of problem to (id, sentence).
    """

    encoded: int = 0
    kept: int = 0
    dynamics: int = 0
    seconds: float = 0.0
    skipped: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    noted: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values, problems in order of their ids."""
        return {
            "encoded": self.encoded,
            "kept": self.kept,
            "dynamics": self.dynamics,
            "minutes": round(self.seconds / 60, 2),
            "skipped": {kind: [{"id": i, "why": why} for i, why in sorted(found)] for kind, found in sorted(self.skipped.items())},
            "noted": {kind: [{"id": i, "why": why} for i, why in sorted(found)] for kind, found in sorted(self.noted.items())},
        }


@dataclass(frozen=True)
class Outcome:
    """What became of one piece; `version_of` as in `Piece`."""

    id: str
    version_of: str | None = None
    kept: bool = False
    problem: tuple[str, str] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def encode_one(piece: Piece, encoder: Encoder, settings: EncodeSettings) -> Outcome:
    """Encode one piece unless it is there already; a problem is an outcome, not an exception."""
    try:
        mark = stamp(piece, encoder, stems=settings.stems)
        there = stored_metadata(settings.output, piece.id)
        if there is not None and current(there, mark, encoder):
            metadata = refreshed(there, piece)
            if metadata != there:
                write_metadata(settings.output, piece.id, metadata)
            return Outcome(piece.id, piece.version_of, kept=True, metadata=metadata)
        tensors, metadata = encode_piece(piece, encoder, stems=settings.stems, least_seconds=settings.least_seconds)
        write_item(settings.output, piece.id, tensors, metadata | mark)
        return Outcome(piece.id, piece.version_of, metadata=metadata)
    except AudioProblem as problem:
        return Outcome(piece.id, piece.version_of, problem=(problem.kind, str(problem)))
    except OSError as failure:
        # A full disk is no property of this file: every further one would fail too.
        if failure.errno in (28, 30, 122):
            raise LmdmTrainError(
                f"{settings.output} cannot be written ({failure.strerror}); free some space, then run the same command again"
            ) from None
        return Outcome(piece.id, piece.version_of, problem=("corrupt", f"{piece.mix.name} cannot be read ({failure})"))
    except (RuntimeError, ValueError, MemoryError) as failure:
        return Outcome(
            piece.id, piece.version_of, problem=("failed", f"{piece.mix.name} could not be encoded ({type(failure).__name__}: {failure})")
        )


_WORKER: dict[str, Encoder] = {}


def _start_worker(settings: EncodeSettings) -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A killed parent cannot end its workers; they would wait for work for ever.
        sentinel = parent.sentinel
        threading.Thread(target=lambda: (wait([sentinel]), os._exit(1)), daemon=True).start()
    _WORKER["encoder"] = Encoder.open(settings.checkpoint, settings.codec, settings.device)


def _work(piece: Piece, settings: EncodeSettings) -> Outcome:
    return encode_one(piece, _WORKER["encoder"], settings)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else writes to `folder` meanwhile, and temporary files of a killed run are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LmdmTrainError(f"another lmdm data encode is writing to {folder}; wait for it or choose another -o") from None
        for pattern in (".*.safetensors.*", ".*.json.*"):
            for stale in folder.rglob(pattern):
                stale.unlink(missing_ok=True)
        yield


def encode_folder(
    root: Path,
    settings: EncodeSettings,
    *,
    jobs: int = 1,
    held_out_share: float = 0.0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Encode every piece below `root` into `settings.output` and write `report.json` there.

    Every piece is encoded with one thread, so that the files are the same for any number of jobs and after any interruption.

    Raises:
        LmdmTrainError: there is no music, nothing of it can be encoded, the codec cannot be read or the disk is full.
    """
    pieces, broken = find_pieces(root, held_out_share)
    report = Report()
    for item, why in broken:
        report.skipped.setdefault("corrupt", []).append((item, why))
    if not pieces and not broken:
        raise LmdmTrainError(f"{root} holds no music (expected audio files, Slakh2100 tracks or tracks of lmdm data compose)")
    encoder = Encoder.open(settings.checkpoint, settings.codec, settings.device)
    with _alone(settings.output):
        versions, outcomes = with_dynamics(pieces, settings.dynamics), list[Outcome]()
        for done, outcome in enumerate(_outcomes(versions, encoder, settings, jobs), start=1):
            outcomes.append(outcome)
            progress(done, len(versions))
        unusable = {outcome.id for outcome in outcomes if outcome.problem is not None}
        for outcome in outcomes:
            # What is wrong with a file is said once, not for each of its versions.
            if outcome.version_of not in unusable:
                _enter(report, outcome)
        write_atomically(settings.output / "report.json", (json.dumps(report.as_json(), indent=1) + "\n").encode())
    if not report.encoded and not report.kept:
        found = next(iter(report.skipped.values()))
        raise LmdmTrainError(
            f"nothing in {root} could be encoded, for example {found[0][0]}: {found[0][1]}; all are listed in {settings.output}/report.json"
        )
    return report


def _outcomes(pieces: list[Piece], encoder: Encoder, settings: EncodeSettings, jobs: int) -> Iterator[Outcome]:
    if jobs == 1 or len(pieces) < 2:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for piece in pieces:
                yield encode_one(piece, encoder, settings)
        finally:
            torch.set_num_threads(threads)
        return
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(pieces)), mp_context=context, initializer=_start_worker, initargs=(settings,))
    try:
        for future in as_completed([pool.submit(_work, piece, settings) for piece in pieces]):
            yield future.result()
    except BrokenProcessPool:
        raise LmdmTrainError(
            "a worker process was killed, probably for want of memory; run the same command again with fewer --jobs"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _enter(report: Report, outcome: Outcome) -> None:
    if outcome.problem is not None:
        kind, why = outcome.problem
        report.skipped.setdefault(kind, []).append((outcome.id, why))
        return
    report.kept += outcome.kept
    report.encoded += not outcome.kept
    report.seconds += float(outcome.metadata.get("seconds_total", 0.0))
    if outcome.version_of is not None:
        report.dynamics += 1
        return
    share = outcome.metadata.get("clipped_share", 0.0)
    if share > 0:
        report.noted.setdefault("clipped", []).append((outcome.id, f"{share:.2%} of its samples stand at full scale"))
    for name, why in (outcome.metadata.get("stem_problems") or {}).items():
        report.noted.setdefault("stems", []).append((outcome.id, f"stem {name} is left out: {why}"))
