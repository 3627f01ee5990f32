"""What every adapter of a published metric declares and does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmdm_train.evaluate.adapters.needs import Package, Unavailable, Weights, require_packages, require_weights


@dataclass(frozen=True)
class Request:
    """What to measure. `tick` is told how many files have been heard."""

    generated: Path
    reference: Path | None = None
    prompts: dict[str, str] = field(default_factory=dict)
    channels: int = 2
    hop: float | None = None
    device: str = "cpu"
    tick: Callable[[int], None] = lambda done: None


class Adapter(ABC):
    """One published metric. Subclasses say what they need, load it, and measure folders of audio.

    Nobody here has run these with the published weights, which cannot be had without a download: each is tested on random weights of
    the published architecture, saved and loaded as the published ones would be.
    """

    name: str
    title: str
    better: str
    packages: tuple[Package, ...]
    weights: Weights
    needs_reference: bool = True
    needs_prompts: bool = False

    @abstractmethod
    def load(self, weights: Path, device: str) -> Any:
        """The network with these weights, ready to infer.

        Raises:
            Unavailable: a package does not import, or the weights are unreadable or of another network.
        """

    @abstractmethod
    def measure(self, network: Any, request: Request) -> dict[str, float | int]:
        """`value`, and whatever else is worth telling."""

    def ready(self, given: Path | None, places: Path, sha256: str | None = None) -> Path:
        """The weights, once packages and weights are there; raises Unavailable in one sentence otherwise."""
        require_packages(self.name, self.packages)
        return require_weights(self.name, self.weights, given, places, sha256)

    def state(self, places: Path) -> tuple[str, str]:
        """("found", which weights), or (what is missing, the sentence)."""
        try:
            return "found", str(self.ready(None, places))
        except Unavailable as reason:
            return reason.kind, str(reason)
