"""A variant as a folder of its own, written only if its rollout keeps the budget."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from lmdm_export.bundle import ExportResult, Source, export_bundle
from lmdm_export.errors import ExportError
from lmdm_export.precision.kinds import KINDS, kind_of
from lmdm_export.precision.ladder import Ladder, Rung, Search
from lmdm_export.precision.names import AUTO, FLOAT32
from lmdm_export.settings import ExportSettings
from lmdm_export.staging import require_writable, staged_folder
from lmdm_export.validate.truth import Begin
from lmdm_runtime.bundle import load_bundle
from lmdm_train.model.instrument import Instrument


class Interrupted(Exception):
    """Ctrl-C during a search that was to choose what to write; `ladder` is what it had measured."""

    def __init__(self, ladder: Ladder) -> None:
        super().__init__("interrupted")
        self.ladder = ladder


def write_chosen(
    search: Search,
    choice: str,
    target: Path,
    command: str,
    *,
    kinds: Sequence[str] = tuple(KINDS),
    keep: Collection[str] = (),
    force: bool = False,
) -> Ladder:
    """Write one precision of the searched bundle, or with `auto` the one of `kinds` that its ladder chooses; the ladder that was measured.

    Raises:
        ExportError: it is outside the budget, the budget lets a fault pass, or the target must not or cannot be written.
        Interrupted: Ctrl-C before `auto` had chosen.
    """
    require_writable(target, force=force)
    with staged_folder(target, force=force) as folder:
        fill(search, choice, folder, command, keep, kinds)
    return search.ladder


def fill(search: Search, choice: str, folder: Path, command: str, keep: Collection[str], kinds: Sequence[str] = tuple(KINDS)) -> None:
    """The same into an empty folder."""
    if choice == AUTO:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".work.") as work:
            ladder = search.climb(kinds, Path(work), keep)
        if ladder.interrupted:
            raise Interrupted(ladder)
        require_caught(ladder)
        if ladder.chosen is None:
            raise ExportError(f"nothing keeps a budget of {ladder.budget:g}, not even float32; run lmdm validate on the bundle")
        choice = ladder.chosen.kind
    if choice == FLOAT32:
        _copy(search, folder)
        return
    if not search.ladder.controls:
        search.measure_controls()
    require_caught(search.ladder)
    variant = search.write(kind_of(choice), folder, keep)
    known = next((rung for rung in search.ladder.rungs if rung.kind == choice), None)
    rung = known or search.measure(variant)
    require_within(rung, search.ladder.budget)
    variant.seal(search.ladder.budget, rung.parity.share, command)


def require_caught(ladder: Ladder) -> None:
    """Raises:
    ExportError: the budget lets a fault pass that was made on purpose.
    """
    if ladder.missed:
        raise ExportError(f"a budget of {ladder.budget:g} lets the fault '{ladder.missed[0]}' pass; give a smaller --budget")


def require_within(rung: Rung, budget: float) -> None:
    """Raises:
    ExportError: the rung is outside the budget, or its levels drift.
    """
    if rung.parity.within(budget):
        return
    found = (
        f"is {rung.parity.share:.3g} of another seed's distance away from float32, the budget is {budget:g}"
        if rung.parity.steady
        else f"changes levels by {rung.parity.level_db:.2f} dB, another seed by {rung.parity.other_level_db:.2f}"
    )
    raise ExportError(
        f"{rung.kind} {found}; choose another precision, or keep the matrices float32 that lmdm bisect BUNDLE {rung.kind} names: --keep"
    )


def export_variant(
    instrument: Instrument,
    target: Path,
    source: Source,
    settings: ExportSettings,
    choice: str,
    budget: float,
    *,
    keep: Collection[str] = (),
    threads: int | None = None,
    force: bool = False,
    on_stage: Callable[[str], object],
    begin: Begin,
    on_rung: Callable[[Rung], object],
) -> tuple[ExportResult, Ladder]:
    """Export an instrument and write it in the precision of that name, or with `auto` in the one that the search chooses.

    Raises:
        ExportError: as `export_bundle` and `write_chosen`.
        Interrupted: as `write_chosen`; nothing is written.
    """
    require_writable(target, force=force)
    with staged_folder(target, force=force) as folder:
        # Beside the folder, not in it, for the manifest lists all that is there; inside this block, so that SIGTERM cleans it up as well.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{target.name}.float32.") as work:
            result = export_bundle(instrument, Path(work) / FLOAT32, source, settings, on_stage=on_stage)
            search = Search(load_bundle(result.path), budget, threads=threads, begin=begin, on_rung=on_rung)
            fill(search, choice, folder, source.command, keep)
        result.path = target
        result.bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        result.weights_bytes = (folder / "graphs" / "weights.bin").stat().st_size
    return result, search.ladder


def _copy(search: Search, folder: Path) -> None:
    """The float32 bundle itself, without what is made for one machine."""
    for name in ("manifest.json", *(entry.path for entry in search.bundle.manifest.files)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(search.bundle.folder / name, folder / name)
