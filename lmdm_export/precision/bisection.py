"""One bisection: the variant's values against those of float32, and the matrices to keep."""

from __future__ import annotations

import math
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lmdm_export.errors import ExportError
from lmdm_export.precision.divergence import Departure, departures, first_break, largest_step
from lmdm_export.precision.kinds import KINDS, Kind, kind_of
from lmdm_export.precision.ladder import Rung, Search, require_float32
from lmdm_export.precision.names import DEFAULT_BUDGET
from lmdm_export.precision.network import load_graph, network_graphs
from lmdm_export.precision.sensitivity import Sensitivity, fewest_kept, measured, sensitivities
from lmdm_export.precision.variant import matrix_names
from lmdm_export.validate.truth import Begin, silent
from lmdm_runtime.bundle import Bundle, load_bundle


@dataclass
class Bisection:
    """What was found of a precision. `rows`: values in order; `whole`: its parity as it is; `keep`: what brings it inside the budget."""

    kind: str
    budget: float
    matrices: int
    rows: list[Departure] = field(default_factory=list)
    whole: Rung | None = None
    ranked: list[Sensitivity] = field(default_factory=list)
    keep: list[str] | None = None
    kept: Rung | None = None
    interrupted: bool = False

    @property
    def first(self) -> Departure | None:
        return first_break(self.rows, self.budget)

    @property
    def steepest(self) -> Departure | None:
        return largest_step(self.rows) if self.rows else None

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "budget": self.budget,
            "matrices": self.matrices,
            "first_break": _plain(self.first),
            "largest_step": _plain(self.steepest),
            "values": [_plain(row) for row in self.rows if row.matrix],
            "parity": None if self.whole is None else self.whole.parity.to_json(),
            "sensitivity": [asdict(entry) for entry in self.ranked],
            "keep": self.keep,
            "kept_parity": None if self.kept is None else self.kept.parity.to_json(),
            "interrupted": self.interrupted,
        }


def bisected(
    path: Path,
    variant: str,
    work: Path,
    *,
    budget: float | None = None,
    blocks: int | None = None,
    threads: int | None = None,
    layers_only: bool = False,
    begin: Begin = silent,
) -> Bisection:
    """Hold a variant against the float32 bundle at `path`. Ctrl-C ends it with what was found.

    Args:
        variant: folder of a variant, or the name of a precision.
        work: an empty folder.

    Raises:
        BundleError: a bundle is damaged.
        ExportError: the first bundle is no float32 bundle, or the second is not made from it.
    """
    bundle = load_bundle(path)
    require_float32(bundle)
    given = _given(bundle, variant)
    kind, kept, stated = _what(given, variant)
    found = Bisection(kind.name, budget or stated, len(matrix_names(bundle)))
    search = Search(bundle, found.budget, blocks=blocks, threads=threads, begin=begin)
    try:
        with tempfile.TemporaryDirectory(dir=work) as folder:
            other = given or search.write(kind, Path(folder), kept).bundle
            found.rows = _rows(search, other)
        if layers_only:
            return found
        found.whole = measured(search, kind, kept, work)
        if not found.whole.parity.within(found.budget):
            found.ranked = sensitivities(search, kind, work)
            best = fewest_kept(search, kind, found.ranked, work, kept)
            found.keep, found.kept = best or (None, None)
    except KeyboardInterrupt:
        found.interrupted = True
    return found


def _given(bundle: Bundle, variant: str) -> Bundle | None:
    """The variant in a folder, if it is one."""
    if variant in KINDS and not Path(variant).exists():
        return None
    if not Path(variant).exists():
        raise ExportError(f"{variant} is neither a folder nor a precision; give a variant's folder, or one of {', '.join(KINDS)}")
    other = load_bundle(variant)
    if other.manifest.checkpoint["sha256"] != bundle.manifest.checkpoint["sha256"]:
        raise ExportError(
            f"{variant} was made from {other.manifest.checkpoint['name']}, {bundle.folder} from {bundle.manifest.checkpoint['name']}; "
            "give the bundle that the variant was made from"
        )
    return other


def _what(given: Bundle | None, variant: str) -> tuple[Kind, tuple[str, ...], float]:
    """Precision, kept matrices and budget."""
    if given is None:
        return kind_of(variant), (), DEFAULT_BUDGET
    precision = given.manifest.precision
    if precision is None:
        raise ExportError(f"{variant} is float32 itself; give a variant of it, or one of {', '.join(KINDS)}")
    return kind_of(precision.kind), precision.kept, precision.budget


def _rows(search: Search, variant: Bundle) -> list[Departure]:
    """Every graph on one of its runs in the closed loop of float32, the one in the middle."""
    rows = []
    for graph in network_graphs(search.bundle):
        feeds = search.feeds()[graph]
        rows += departures(load_graph(search.bundle, graph), load_graph(variant, graph), feeds[len(feeds) // 2])
    return rows


def _plain(row: Departure | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in asdict(row).items()}
