"""What a validation found: checks, failing controls, steps that did not run; as data, JSON and a verdict."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from lmdm_export.validate.bounds import Bound
from lmdm_export.validate.metrics import Errors
from lmdm_runtime.backends import DEFAULT
from lmdm_runtime.cli.documents import finite

STEPS = {1: "graph", 2: "block", 3: "rollout", 4: "audio", 5: "runtimes"}


@dataclass(frozen=True)
class Check:
    """One measured quantity against its bound. `errors` adds the other distances where the quantity is an error of an array."""

    step: int
    what: str
    metric: str
    measured: float
    bound: Bound
    errors: Errors | None = None

    @property
    def passed(self) -> bool:
        return math.isfinite(self.measured) and self.measured <= self.bound.value


@dataclass(frozen=True)
class Control:
    """One deliberate fault. It is caught when its error leaves the bound that the healthy bundle must keep."""

    step: int
    fault: str
    metric: str
    measured: float
    bound: float

    @property
    def caught(self) -> bool:
        return not self.measured <= self.bound

    @property
    def factor(self) -> float:
        """How many times over the bound the fault lies."""
        return self.measured / self.bound if self.bound > 0.0 else math.inf


@dataclass(frozen=True)
class NotRun:
    """A check that did not run, with the reason; it neither passes nor fails."""

    step: int
    what: str
    reason: str


@dataclass
class Report:
    """Everything that one validation found."""

    bundle: str
    reference: str
    checks: list[Check] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)
    not_run: list[NotRun] = field(default_factory=list)
    curves: dict[str, list[float]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    engine: str = DEFAULT

    @property
    def passed(self) -> bool:
        """True when something was checked, every check keeps its bound and every control that ran was caught."""
        return bool(self.checks) and all(c.passed for c in self.checks) and all(c.caught for c in self.controls)

    @property
    def failures(self) -> list[str]:
        """One sentence for each check that failed and each control that passed."""
        broken = [
            f"step {c.step} {STEPS[c.step]}: {c.what}: {c.metric} is {c.measured:.3g}, the bound is {c.bound.value:.3g} "
            f"({c.bound.reason}, {c.bound.basis:.3g})"
            for c in self.checks
            if not c.passed
        ]
        missed = [
            f"step {c.step} {STEPS[c.step]}: the control '{c.fault}' was not caught ({c.metric} {c.measured:.3g}, bound {c.bound:.3g}): "
            "this check cannot see that fault here"
            for c in self.controls
            if not c.caught
        ]
        return broken + missed

    def to_json(self) -> dict[str, Any]:
        """Plain data; a figure that is not finite becomes null, as JSON has no infinity."""
        return finite(
            {
                "bundle": self.bundle,
                "reference": self.reference,
                "engine": self.engine,
                "passed": self.passed,
                "checks": [asdict(c) | {"passed": c.passed, "step_name": STEPS[c.step]} for c in self.checks],
                "controls": [asdict(c) | {"caught": c.caught, "factor": c.factor, "step_name": STEPS[c.step]} for c in self.controls],
                "not_run": [asdict(n) | {"step_name": STEPS[n.step]} for n in self.not_run],
                "curves": self.curves,
                "facts": self.facts,
                "seconds": self.seconds,
                "failures": self.failures,
            }
        )
