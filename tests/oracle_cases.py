"""The numeric oracles that lie in a folder: golden inputs, weights and outputs of public reference programs.

The folder is `LMDM_ORACLE`, or `shared/oracle` beside the project. Cases are found by what their JSON says of itself, so that a
folder with other seeds, sizes and numbers of cases needs no change here.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from torch import Tensor

from lmdm_train.checkpoint.stable_audio import PATTERNS, dit_config
from lmdm_train.config import DiTConfig, Layout, Pattern
from lmdm_train.model.dit import DiT
from lmdm_train.model.rotary import inverse_frequencies

ORACLE = Path(os.environ.get("LMDM_ORACLE") or Path(__file__).parents[2] / "shared" / "oracle")
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Case:
    """One golden case: `NAME.json` and `NAME.safetensors`."""

    name: str
    json: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        return self.json["config"]

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        return load_file(ORACLE / f"{self.name}.safetensors")

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """The state dict, from this file or the one that it refers to, with this file's replacements."""
        own = self._under("weights/", self.tensors)
        if "weights_file" not in self.json:
            return own
        return {**self._under("weights/", load_file(ORACLE / self.json["weights_file"])), **own}

    @staticmethod
    def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}

    def given(self, name: str) -> Tensor:
        return self.tensors[f"in/{name}"]

    def out(self, name: str) -> Tensor:
        return self.tensors[f"out/{name}"]

    def outputs(self, prefix: str = "") -> list[str]:
        return sorted(key.removeprefix("out/") for key in self.tensors if key.startswith(f"out/{prefix}"))

    @property
    def dit_config(self) -> DiTConfig:
        return dit_config(self.config["dit"])

    @property
    def layout(self) -> Layout:
        attention = self.config["attention"]
        return Layout(context=attention["context"], block=attention["block"])

    @property
    def pattern(self) -> Pattern:
        attention = self.config["attention"]
        assert attention.get("chunk", attention["block"]) == attention["block"], "chunks of another length than the block"
        return Pattern(kind=PATTERNS[attention["pattern"]], window_chunks=attention.get("window_chunks", 4))

    def dit(self) -> DiT:
        """The network with the case's weights, in evaluation mode."""
        network = DiT(self.dit_config)
        network.load_state_dict(self.weights)
        return network.eval().requires_grad_(False)


def _read() -> list[Case]:
    return [Case(path.stem, json.loads(path.read_text())) for path in sorted(ORACLE.glob("*.json"))] if ORACLE.is_dir() else []


CASES = _read()


def cases(kind: str) -> list[Any]:
    """Pytest parameters, one for each case of that kind, or one that skips with the reason."""
    return _parameters([case for case in CASES if case.json.get("kind") == kind], f"of kind {kind}")


def key_lists() -> list[Any]:
    """Pytest parameters, one for each list of full-size state-dict keys."""
    return _parameters([case for case in CASES if "prefix_in_a_whole_model" in case.json], "with full-size keys")


def _parameters(found: list[Case], what: str) -> list[Any]:
    if found:
        return [pytest.param(case, id=case.name) for case in found]
    reason = f"no oracle case {what} in {ORACLE}" if ORACLE.is_dir() else f"no oracle folder {ORACLE}; set LMDM_ORACLE"
    return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason=reason))]


def distance(found: Tensor, expected: Tensor) -> float:
    """Largest absolute difference; infinite where shapes differ or something is not finite."""
    if found.shape != expected.shape or not bool(found.isfinite().all()):
        return float("inf")
    return float((found - expected).detach().abs().max())


def assert_matches(found: Tensor, expected: Tensor, what: str, tolerance: float = TOLERANCE) -> None:
    """The parity check, with its figure printed."""
    error = distance(found, expected)
    print(f"{what}: max abs error {error:.2e}")
    assert error < tolerance, f"{what}: max abs error {error:.3e}, allowed {tolerance:.0e}"


def assert_caught(wrong: Tensor, expected: Tensor, what: str, tolerance: float = TOLERANCE) -> None:
    """The control of a parity check: a known mistake must not pass it."""
    error = distance(wrong, expected)
    print(f"control, {what}: max abs change {error:.2e}")
    assert error > tolerance, f"{what} changed the output by {error:.3e} only, so the check would not catch it"


def default_rotary_base(network: DiT, base: float) -> None:
    """Replace a network's rotary frequencies by those of `base`, as a loader that ignores the checkpoint's buffer would."""
    network.transformer.rotary_pos_emb.inv_freq.copy_(inverse_frequencies(network.config.rotary_width, base))


def other_rotary_base(network: DiT) -> None:
    """The same with whichever of the two usual bases, 1e4 and 1e6, the network does not have."""
    frequencies = network.transformer.rotary_pos_emb.inv_freq
    near_default = float(frequencies[-2] / frequencies[-1]) < 1e5 ** (2 / network.config.rotary_width)
    default_rotary_base(network, 1e6 if near_default else 1e4)


def set_frequencies(network: DiT, frequencies: Tensor) -> None:
    """Put a case's own rotary frequencies in place."""
    network.transformer.rotary_pos_emb.inv_freq.copy_(frequencies)


__all__ = [
    "CASES",
    "ORACLE",
    "TOLERANCE",
    "Case",
    "assert_caught",
    "assert_matches",
    "cases",
    "default_rotary_base",
    "distance",
    "key_lists",
    "other_rotary_base",
    "set_frequencies",
]
