"""The ladder: every precision of a bundle with its size, cost, parity and verdict, and the one to choose."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmdm_export.errors import ExportError
from lmdm_export.precision.calibration import recorded
from lmdm_export.precision.faults import control_faults
from lmdm_export.precision.kinds import KINDS, Kind
from lmdm_export.precision.measure import Parity, parity_of
from lmdm_export.precision.names import FLOAT32
from lmdm_export.precision.quantise import Feed
from lmdm_export.precision.reference import Reference, reference_of, rollouts
from lmdm_export.precision.timing import USUAL_ROUNDS, Cost, Subject, cost_beside
from lmdm_export.precision.variant import Variant, emulation, write_variant
from lmdm_export.validate.controls import Fault, noise_fault
from lmdm_export.validate.player import HEALTHY
from lmdm_export.validate.truth import Begin, silent
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtOptions
from lmdm_runtime.bundle import Bundle


@dataclass(frozen=True)
class Rung:
    """One precision, measured. `cost` is None where this machine cannot run it, and `emulated` says that its parity comes from rounding
    float32 as bfloat16 rounds."""

    kind: str
    bytes: int
    parity: Parity
    cost: Cost | None
    emulated: bool = False

    def to_json(self, budget: float) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "bytes": self.bytes,
            "parity": self.parity.to_json(),
            **({} if self.cost is None else self.cost.to_json()),
            "emulated": self.emulated,
            "within": self.parity.within(budget),
        }


@dataclass
class Ladder:
    """What a search has measured so far. `controls`: faults of the float32 bundle, each of which must be beyond the budget."""

    name: str
    budget: float
    blocks: int = 0
    rungs: list[Rung] = field(default_factory=list)
    controls: dict[str, Parity] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def missed(self) -> list[str]:
        """Faults that the budget would let pass: with it, a parity says nothing."""
        return [name for name, parity in self.controls.items() if parity.within(self.budget)]

    @property
    def chosen(self) -> Rung | None:
        """The fastest that is within the budget; of those whose times the measurement cannot tell apart, the one of better parity."""
        timed = [(rung, rung.cost.ratio) for rung in self.rungs if rung.cost is not None and rung.parity.within(self.budget)]
        if not timed or self.missed:
            return None
        _, least = min(timed, key=lambda item: item[1].median)
        tied = [rung for rung, ratio in timed if not least.below(ratio)]
        return min(tied, key=lambda rung: rung.parity.share)

    def to_json(self) -> dict[str, Any]:
        return {
            "bundle": self.name,
            "budget": self.budget,
            "blocks": self.blocks,
            "ladder": [rung.to_json(self.budget) for rung in self.rungs],
            "controls": {name: parity.to_json() | {"caught": name not in self.missed} for name, parity in self.controls.items()},
            "chosen": None if self.chosen is None else self.chosen.kind,
            "interrupted": self.interrupted,
        }


class Search:
    """Measures precisions of one float32 bundle, one after the other.

    Args:
        blocks: length of the closed loop; None is what the fixtures hold, 64 unless the network is large.
        on_rung: hears of each precision as it is measured.

    Raises:
        ExportError: the bundle is a variant itself, or has no fixtures.
    """

    def __init__(
        self,
        bundle: Bundle,
        budget: float,
        *,
        blocks: int | None = None,
        threads: int | None = None,
        rounds: int = USUAL_ROUNDS,
        begin: Begin = silent,
        on_rung: Callable[[Rung], object] | None = None,
    ) -> None:
        require_float32(bundle)
        self.bundle, self.options, self.rounds, self.begin = bundle, OrtOptions(threads=threads), rounds, begin
        self.backend = OrtBackend(bundle, self.options)
        self.reference: Reference = reference_of(bundle, self.backend, blocks, begin)
        self.ladder = Ladder(bundle.manifest.name, budget, self.reference.scenario.blocks)
        self.on_rung = on_rung or (lambda rung: None)
        self._feeds: dict[str, list[Feed]] | None = None

    def climb(self, kinds: Sequence[str], work: Path, keep: Collection[str] = ()) -> Ladder:
        """Measure float32, the controls and then `kinds`. Ctrl-C ends it with what there is.

        `work` is an empty folder for what is measured, of which nothing stays.
        """
        try:
            self.measure_float32()
            self.measure_controls()
            for name in kinds:
                with tempfile.TemporaryDirectory(dir=work) as folder:
                    self.measure(self.write(KINDS[name], Path(folder), keep), time=True)
        except KeyboardInterrupt:
            self.ladder.interrupted = True
        return self.ladder

    def write(self, kind: Kind, folder: Path, keep: Collection[str] = ()) -> Variant:
        """A variant in an empty folder, which also carries what it was held against."""
        variant = write_variant(self.bundle, folder, kind, keep, self.feeds() if kind.calibrated else {})
        variant.document["fixtures"]["precision"] = {"file": self.reference.store(folder), "measured": {"blocks": self.ladder.blocks}}
        return variant

    def measure(self, variant: Variant, *, time: bool = False) -> Rung:
        """Parity, and where asked for and possible the cost, of a variant."""
        name = variant.kind.name
        with tempfile.TemporaryDirectory(dir=variant.folder.parent) as folder:
            played = variant.bundle if variant.kind.plays else emulation(variant.bundle, Path(folder))
            backend = OrtBackend(played, self.options)
            parity = self._parity(name, played, backend)
            cost = None
            if time and variant.kind.plays:
                self.begin(f"{name}: timing beside float32", self.rounds)
                cost = cost_beside(Subject(self.bundle, self.backend), Subject(played, backend), self.rounds)[1]
        return self._add(Rung(name, variant.bytes, parity, cost, emulated=not variant.kind.plays))

    def measure_float32(self) -> Rung:
        """The bundle itself against its fixtures, and against itself in time: the spread of a ratio that is 1."""
        twin = Subject(self.bundle, OrtBackend(self.bundle, self.options))
        cost = cost_beside(Subject(self.bundle, self.backend), twin, self.rounds)[1]
        size = sum(path.stat().st_size for path in (self.bundle.folder / "graphs").iterdir())
        return self._add(Rung(FLOAT32, size, self._parity(FLOAT32, self.bundle, self.backend), cost))

    def measure_controls(self) -> None:
        """The parity of each fault in the float32 bundle."""
        self.ladder.controls[noise_fault().name] = parity_of(self.reference, self.reference.other)
        for fault in control_faults(self.bundle.manifest):
            self.ladder.controls[fault.name] = self._parity(f"control: {fault.name}", self.bundle, self.backend, fault)

    def feeds(self) -> Mapping[str, Sequence[Feed]]:
        """What the calibrated kinds see; recorded once."""
        if self._feeds is None:
            tick = self.begin("float32: recording for calibration", self.ladder.blocks)
            self._feeds = recorded(self.bundle, self.backend, self.reference.scenario, tick)
        return self._feeds

    def _parity(self, label: str, bundle: Bundle, backend: OrtBackend, fault: Fault = HEALTHY) -> Parity:
        reference = self.reference
        tick = self.begin(f"{label}: {self.ladder.blocks} blocks, twice", 2 * self.ladder.blocks)
        return parity_of(reference, rollouts(bundle, backend, reference.scenario, reference.expected, fault, tick))

    def _add(self, rung: Rung) -> Rung:
        self.ladder.rungs.append(rung)
        self.on_rung(rung)
        return rung


def require_float32(bundle: Bundle) -> None:
    """Refuse a bundle that is a variant: what was rounded away cannot be measured against."""
    precision = bundle.manifest.precision
    if precision is not None:
        raise ExportError(
            f"{bundle.folder} is in {precision.kind}, and variants are made from the float32 bundle; give that, or run lmdm export again"
        )
