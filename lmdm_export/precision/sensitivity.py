"""Which matrices a precision costs most at, and the fewest to keep float32 so that it comes inside a budget."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from lmdm_export.precision.kinds import Kind
from lmdm_export.precision.ladder import Rung, Search
from lmdm_export.precision.measure import share
from lmdm_export.precision.reference import forced_rollout
from lmdm_export.precision.variant import emulation, matrix_names
from lmdm_runtime.backends.onnxruntime import OrtBackend

PROBED_BLOCKS = 16
"""Blocks that rank the matrices: they hold the first change of prompt. The verdict is measured on the whole rollout."""


@dataclass(frozen=True)
class Sensitivity:
    """Share of another seed's distance when this matrix alone is converted."""

    matrix: str
    share: float


def sensitivities(search: Search, kind: Kind, work: Path) -> list[Sensitivity]:
    """Every matrix alone, the worst first; each block begins from the reference's context."""
    names = matrix_names(search.bundle)
    tick = search.begin(f"{kind.name}: {len(names)} matrices, one at a time", len(names))
    found = []
    for name in names:
        found.append(Sensitivity(name, _alone(search, kind, [other for other in names if other != name], work)))
        tick()
    return sorted(found, key=lambda entry: entry.share, reverse=True)


def fewest_kept(
    search: Search, kind: Kind, ranked: Sequence[Sensitivity], work: Path, kept: Collection[str] = ()
) -> tuple[list[str], Rung] | None:
    """The shortest head of the ranking that, kept float32, brings the kind inside the search's budget, and how it measures then.

    `kept` stay float32 anyway. Halving takes it that keeping more never makes it worse; what is returned was measured. None where even
    keeping every matrix is not enough.
    """
    order = [entry.matrix for entry in ranked if entry.matrix not in kept]
    low, high, best = 0, len(order), None
    while low <= high:
        count = (low + high) // 2
        rung = measured(search, kind, [*kept, *order[:count]], work)
        if rung.parity.within(search.ladder.budget):
            best, high = ([*kept, *order[:count]], rung), count - 1
        else:
            low = count + 1
    return best


def measured(search: Search, kind: Kind, keep: Collection[str], work: Path) -> Rung:
    """The rung of a kind with some matrices kept."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        return search.measure(search.write(kind, Path(folder), keep))


def _alone(search: Search, kind: Kind, keep: Collection[str], work: Path) -> float:
    reference = search.reference.first(min(PROBED_BLOCKS, len(search.reference.expected)))
    with tempfile.TemporaryDirectory(dir=work) as folder, tempfile.TemporaryDirectory(dir=work) as second:
        variant = search.write(kind, Path(folder), keep)
        bundle = variant.bundle if kind.plays else emulation(variant.bundle, Path(second))
        made = forced_rollout(bundle, OrtBackend(bundle, search.options), reference.scenario, reference.expected)
    return share(reference.expected, made, reference.other.forced)
