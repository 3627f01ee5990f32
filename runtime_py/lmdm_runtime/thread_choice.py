"""`threads.json` of a bundle: how many threads a block is made with on one machine, measured there by `lmdm threads`.

Both runtimes read it when nobody names a number of threads. It belongs to a machine, not to the bundle: the manifest does not list it, and
a file that is of another machine, or that is not as it should be, counts as absent. `lmdm inspect` says why.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lmdm_runtime.errors import LmdmError
from lmdm_runtime.manifest import strict_json

FILE = "threads.json"
FORMAT = 1
MOST_BYTES = 65_536
AGAIN = "measure again with lmdm threads"


@dataclass(frozen=True)
class Machine:
    """What a choice depends on: the processor's name and how many cores this process may use, hardware threads included."""

    cpu: str
    cores: int


@dataclass(frozen=True)
class ThreadChoice:
    """Threads for the operators of one graph, and whether they spin while they wait."""

    threads: int
    spinning: bool


def this_machine() -> Machine:
    """The machine of this process; platform.h says the same in C++."""
    return Machine(_cpu_model(), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def look_up(folder: Path) -> ThreadChoice | str | None:
    """The choice for this machine; a sentence where there is one that is ignored; None where there is none."""
    path = folder / FILE
    if not os.path.lexists(path):
        return None
    try:
        document = _read(path)
        machine, choice = _parse(document)
    except (OSError, ValueError) as error:
        why = (error.strerror or type(error).__name__) if isinstance(error, OSError) else error
        return f"{FILE} is ignored: {why}; {AGAIN}"
    here = this_machine()
    if machine != here:
        return (
            f"{FILE} is ignored: it is of another machine ({machine.cpu[:80]}, {machine.cores} cores), "
            f"this one is {here.cpu}, {here.cores} cores; {AGAIN}"
        )
    return choice


def chosen(folder: Path) -> ThreadChoice | None:
    """The choice for this machine, if there is a good one."""
    found = look_up(folder)
    return found if isinstance(found, ThreadChoice) else None


def require_writable(folder: Path) -> None:
    """Before a measurement of minutes.

    Raises:
        LmdmError: no file can be written in the folder.
    """
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise _not_writable(folder, error) from error


def write_choice(folder: Path, choice: ThreadChoice, measured: Sequence[dict[str, Any]]) -> Path:
    """Writes the file whole or not at all, and returns where it is.

    Raises:
        LmdmError: it cannot be written.
    """
    path = folder / FILE
    document = {"format": FORMAT, "machine": asdict(this_machine()), **asdict(choice), "measured": list(measured)}
    unfinished = path.with_name(f".{FILE}.{os.getpid()}")
    try:
        unfinished.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        os.replace(unfinished, path)
    except OSError as error:
        raise _not_writable(folder, error) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return path


def _not_writable(folder: Path, error: OSError) -> LmdmError:
    why = error.strerror or type(error).__name__
    return LmdmError(f"{FILE} cannot be written in {folder} ({why}); make the folder writable, or only measure with --dry")


def _read(path: Path) -> Any:
    if not path.is_file():  # a pipe would never end, and links may go in a circle
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes")
    try:
        return strict_json(data.decode())
    except ValueError as error:
        raise ValueError(f"it is not valid JSON ({error})") from error


def _parse(document: Any) -> tuple[Machine, ThreadChoice]:
    top = _typed(document, dict, "the top level")
    if _typed(top.get("format"), int, "format") != FORMAT:
        raise ValueError(f"format is {top['format']!r:.20}, expected {FORMAT}")
    entry = _typed(top.get("machine"), dict, "machine")
    machine = Machine(_typed(entry.get("cpu"), str, "machine.cpu"), _typed(entry.get("cores"), int, "machine.cores"))
    choice = ThreadChoice(_typed(top.get("threads"), int, "threads"), _typed(top.get("spinning"), bool, "spinning"))
    if not 1 <= choice.threads <= machine.cores:
        raise ValueError(f"threads is {choice.threads!r:.20}, expected 1 to {machine.cores!r:.20}, the cores of its machine")
    return machine, choice


def _typed(value: Any, kind: type, where: str) -> Any:
    if type(value) is not kind:  # True is no number here
        raise ValueError(f"{where} is {value!r:.40}, expected {kind.__name__}")
    return value


def _cpu_model() -> str:
    if sys.platform == "darwin":
        asked = subprocess.run(["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
        return asked.stdout.strip() or platform.machine()
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
