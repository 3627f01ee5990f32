"""Files `threads.json`, good and bad, one a folder: what one runtime uses or ignores the other must too."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lmdm_runtime.thread_choice import FILE, MOST_BYTES, this_machine

Json = dict[str, Any]


def good(threads: int = 1, spinning: bool = True, **changes: Any) -> Json:
    """A file of this machine."""
    here = this_machine()
    return {"format": 1, "machine": {"cpu": here.cpu, "cores": here.cores}, "threads": threads, "spinning": spinning, **changes}


def _without(name: str) -> Json:
    return {key: value for key, value in good().items() if key != name}


def _machine(**changes: Any) -> Json:
    return good(machine={**good()["machine"], **changes})


def _nested(levels: int) -> str:
    return json.dumps(good(measured=0)).replace('"measured": 0', f'"measured": {"[" * levels}{"]" * levels}')


CORES = this_machine().cores
# Names begin with what both runtimes do; a used file asks for one thread that spins.
TEXTS: dict[str, str | bytes] = {
    "used-plain": json.dumps(good()),
    "used-with-more-in-it": json.dumps(good(measured=[{"threads": 1, "p95_ms": 3.5}], remark="täglich"), ensure_ascii=False),
    "ignored-other-processor": json.dumps(_machine(cpu="MOS 6502")),
    "ignored-other-cores": json.dumps(_machine(cores=CORES + 1)),
    "ignored-too-many-threads": json.dumps(good(10**9)),
    "ignored-one-thread-too-many": json.dumps(good(CORES + 1)),
    "ignored-beyond-int64": json.dumps(good(10**30)),
    "ignored-beyond-int64-everywhere": json.dumps({**_machine(cores=2**63), "threads": 2**63}),
    "ignored-2-to-the-32-and-one": json.dumps({**_machine(cores=CORES + 2**32), "threads": 1 + 2**32}),
    "ignored-no-thread": json.dumps(good(0)),
    "ignored-negative": json.dumps(good(-1)),
    "ignored-half-a-thread": json.dumps(good(threads=1.0)),
    "ignored-threads-is-text": json.dumps(good(threads="1")),
    "ignored-threads-is-true": json.dumps(good(threads=True)),
    "ignored-threads-is-null": json.dumps(good(threads=None)),
    "ignored-spinning-is-one": json.dumps(good(spinning=1)),
    "ignored-spinning-is-text": json.dumps(good(spinning="true")),
    "ignored-no-spinning": json.dumps(_without("spinning")),
    "ignored-no-machine": json.dumps(_without("machine")),
    "ignored-machine-is-a-list": json.dumps(good(machine=[])),
    "ignored-processor-is-a-number": json.dumps(_machine(cpu=6502)),
    "ignored-cores-is-text": json.dumps(_machine(cores=str(CORES))),
    "ignored-no-format": json.dumps(_without("format")),
    "ignored-format-2": json.dumps(good(format=2)),
    "ignored-format-true": json.dumps(good(format=True)),
    "ignored-list": json.dumps([good()]),
    "ignored-number": "7",
    "ignored-null": "null",
    "ignored-empty": "",
    "ignored-half": json.dumps(good())[:-10],
    "ignored-two-documents": json.dumps(good()) * 2,
    "ignored-key-twice": json.dumps(good())[:-1] + ', "threads": 1}',
    "ignored-nan": json.dumps(good(measured=float("nan"))),
    "ignored-beyond-float64": json.dumps(good(measured=0)).replace('"measured": 0', '"measured": 1e999'),
    "ignored-nested": _nested(200),
    "ignored-nested-without-end": _nested(30_000),
    "ignored-no-utf-8": json.dumps(good()).encode() + b"\xff",
    "ignored-lone-surrogate": json.dumps(good(remark="\ud800")),
    "ignored-huge": json.dumps(good()) + " " * MOST_BYTES,
}
# What is no file of ours at all. A reader that opened the pipe would wait for ever.
THINGS: dict[str, Callable[[Path], None]] = {
    "ignored-folder": lambda path: path.mkdir(),
    "ignored-links-in-a-circle": lambda path: path.symlink_to(path),
    "ignored-link-to-nothing": lambda path: path.symlink_to("/nowhere/at/all"),
    "ignored-link-to-a-device": lambda path: path.symlink_to("/dev/zero"),
    "ignored-pipe": lambda path: os.mkfifo(path),
}


CASES = (*TEXTS, *THINGS)


def write_case(folder: Path, name: str) -> Path:
    """The folder of a case, below `folder`."""
    path = folder / name / FILE
    path.parent.mkdir(parents=True)
    if name in THINGS:
        THINGS[name](path)
    else:
        content = TEXTS[name]
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path.parent
