"""What every variant is held against: the float32 rollout that torch left in the fixtures, and float32 rollouts of another seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmdm_export.errors import ExportError
from lmdm_export.precision.forcing import ForcedSession
from lmdm_export.validate.controls import Fault, noise_fault
from lmdm_export.validate.player import HEALTHY, play, played
from lmdm_export.validate.scenario import USUAL_BLOCKS, Scenario
from lmdm_export.validate.truth import Begin, Tick, Unavailable, silent
from lmdm_export.validate.truth_fixtures import FixtureTruth
from lmdm_runtime.backends.base import Backend
from lmdm_runtime.bundle import Bundle

FIXTURE = "precision"
Blocks = NDArray[np.float32]


@dataclass(frozen=True)
class Rollouts:
    """Blocks [blocks, channels, o] of one scenario: `forced` each from the reference's context, `closed` each from the player's own."""

    forced: Blocks
    closed: Blocks

    def first(self, blocks: int) -> Rollouts:
        return Rollouts(self.forced[:blocks], self.closed[:blocks])


@dataclass(frozen=True)
class Reference:
    """The closed loop that is expected, and what the same float32 bundle makes of other noise."""

    scenario: Scenario
    expected: Blocks
    other: Rollouts

    def first(self, blocks: int) -> Reference:
        return Reference(self.scenario.first(blocks), self.expected[:blocks], self.other.first(blocks))

    def store(self, folder: Path) -> str:
        """Write the rollouts of another seed into a variant's folder; the file's name in the bundle."""
        name = f"fixtures/{FIXTURE}.npz"
        np.savez(folder / name, forced=self.other.forced, closed=self.other.closed)
        return name


def reference_of(bundle: Bundle, backend: Backend, blocks: int | None = None, begin: Begin = silent) -> Reference:
    """From a float32 bundle: its fixtures' rollout (64 blocks, fewer for a large network), and two rollouts of another seed.

    Raises:
        ExportError: the bundle holds no rollout of that length.
    """
    scenario, expected = _expected(bundle, blocks)
    tick = begin("float32: another seed", 2 * scenario.blocks)
    return Reference(scenario, expected, rollouts(bundle, backend, scenario, expected, noise_fault(), tick))


def stored_reference(bundle: Bundle, blocks: int | None = None) -> Reference:
    """From a variant, which carries both.

    Raises:
        ExportError: the bundle holds no such rollout.
    """
    entry = bundle.manifest.fixtures.get(FIXTURE)
    if entry is None:
        raise ExportError(f"the variant {bundle.folder} has no fixture {FIXTURE}; write it again with lmdm precision --write")
    arrays = bundle.arrays(entry.file)
    other = Rollouts(arrays["forced"], arrays["closed"])
    # A variant may have been written from a shorter rollout than its fixtures hold.
    scenario, expected = _expected(bundle, len(other.closed) if blocks is None else blocks)
    if len(other.closed) < scenario.blocks:
        raise ExportError(f"the fixture {FIXTURE} holds {len(other.closed)} blocks, {scenario.blocks} were asked for; give --blocks")
    return Reference(scenario, expected, other.first(scenario.blocks))


def rollouts(
    bundle: Bundle, backend: Backend, scenario: Scenario, expected: Blocks, fault: Fault = HEALTHY, tick: Tick | None = None
) -> Rollouts:
    """Both rollouts of a scenario, with one fault or none."""
    closed = play(bundle, backend, scenario, fault=fault, tick=tick)
    return Rollouts(forced_rollout(bundle, backend, scenario, expected, fault, tick), closed)


def forced_rollout(
    bundle: Bundle, backend: Backend, scenario: Scenario, expected: Blocks, fault: Fault = HEALTHY, tick: Tick | None = None
) -> Blocks:
    """Blocks that each begin from the context of `expected`."""
    wrapped = fault.wrap(backend)
    session = ForcedSession(fault.apply(bundle), expected, seed=scenario.seed + fault.seed_offset, backend=wrapped)
    return played(session, scenario, tick=tick)


def other_take(scenario: Scenario, offset: int) -> Scenario:
    """The same scenario in other noise."""
    return replace(scenario, seed=scenario.seed + offset)


def _expected(bundle: Bundle, blocks: int | None) -> tuple[Scenario, Blocks]:
    truth = FixtureTruth(bundle)
    try:
        rollout = truth.rollout(min(USUAL_BLOCKS, truth.usual_blocks) if blocks is None else blocks, silent)
    except Unavailable as reason:
        raise ExportError(f"{bundle.folder}: {str(reason).partition(';')[0]}; choose fewer with --blocks") from None
    return rollout.scenario, rollout.expected.astype(np.float32)
