"""Masked full forward, and the cached split of it, against the LMDM code: every pattern, null contexts and accompaniment."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lmdm_train.config import Pattern
from lmdm_train.model.dit import DiT
from lmdm_train.model.routing import additive_input, allowed_mask, router_mask
from tests.cached_window import cached_velocity
from tests.oracle_cases import CASES, Case, assert_caught, assert_matches, cases, other_rotary_base, set_frequencies

SOME_VARIANT = [(case, name) for case in CASES if case.json.get("kind") == "masked" for name in case.config["variants"]]


def variants() -> list[Any]:
    if not SOME_VARIANT:
        return [pytest.param(None, None, id="absent", marks=cases("masked")[0].marks)]
    return [pytest.param(case, name, id=f"{case.name}-{name}") for case, name in SOME_VARIANT]


class Given:
    """Inputs of one variant of a case, and the network with the variant's rotary frequencies."""

    def __init__(self, case: Case, variant: str) -> None:
        settings = case.config["variants"][variant]
        self.case, self.layout, self.pattern, self.network = case, case.layout, case.pattern, case.dit()
        if "inv_freq" in settings:
            set_frequencies(self.network, case.given(settings["inv_freq"]))
        groups = dict(zip((group.name for group in self.network.config.additive), settings["input_add"], strict=True))
        inputs = {group: case.given(name) for group, name in groups.items()}
        self.concatenated = torch.cat(list(inputs.values()), dim=1)
        clean = inputs.pop("inpaint_masked_input")[..., : self.layout.context]
        self.router = 1 - inputs.pop("inpaint_mask")
        self.additive = additive_input(self.network.config, clean, inputs, self.layout)
        self.velocity, self.target = case.out(f"{variant}/velocity"), case.out(f"{variant}/velocity_target")
        self.text, self.seconds = case.given("cross_attn_cond"), case.given("global_cond")

    def forward(self, network: DiT | None = None, **changes: Any) -> Tensor:
        """The masked full forward, with some inputs changed."""
        inputs: dict[str, Any] = {
            "cross_tokens": self.text,
            "global_cond": self.seconds,
            "additive": self.additive,
            "router": router_mask(self.layout),
            "allowed": allowed_mask(self.pattern, self.layout),
        }
        return (network or self.network)(self.case.given("x"), self.case.given("t"), **{**inputs, **changes})

    def of_target(self, velocity: Tensor) -> Tensor:
        return velocity[..., self.layout.context :]


@pytest.mark.parametrize("case", cases("masked"))
def test_oracle_pattern(case: Case) -> None:
    assert torch.equal(allowed_mask(case.pattern, case.layout), case.given("self_attn_allowed").bool())


@pytest.mark.parametrize(("case", "variant"), variants())
def test_oracle_masked(case: Case, variant: str) -> None:
    given = Given(case, variant)
    assert torch.equal(given.router, router_mask(given.layout).expand_as(given.router))
    assert torch.equal(given.additive, given.concatenated)

    velocity = given.forward()
    assert_matches(velocity, given.velocity, f"{variant} velocity")
    assert_matches(given.of_target(velocity), given.target, f"{variant} velocity of the target")
    placed = given.forward(positions=case.given("rope_positions"))
    assert_matches(placed, given.velocity, f"{variant} velocity at the case's own positions")


@pytest.mark.parametrize(("case", "variant"), variants())
def test_oracle_cached(case: Case, variant: str) -> None:
    given = Given(case, variant)
    x = given.of_target(case.given("x"))
    arguments = (given.network, given.pattern, given.layout, x, case.given("t"), given.text, given.seconds, given.additive)
    assert_matches(cached_velocity(*arguments), given.target, f"{variant} velocity of the target, cached")
    assert_caught(cached_velocity(*arguments, shift=1), given.target, "cache placed one frame late")
    assert_caught(cached_velocity(*arguments, swap=True), given.target, "keys and values swapped")


@pytest.mark.parametrize(("case", "variant"), variants())
def test_oracle_masked_controls(case: Case, variant: str) -> None:
    given = Given(case, variant)

    def caught(what: str, **changes: Any) -> None:
        assert_caught(given.of_target(given.forward(**changes)), given.target, what)

    caught("no attention mask", allowed=None)
    caught("no router mask", router=None)
    caught("condition zeroed", cross_tokens=torch.zeros_like(given.text))
    caught("clean context missing", additive=torch.zeros_like(given.additive))
    without_mask = given.additive.clone()
    without_mask[:, 0] = 0
    caught("context mask zero", additive=without_mask)
    caught("frames counted from 0", positions=(case.given("rope_positions") - 1).clamp(min=0))
    if given.pattern.kind == "block-causal":
        oldest_too = given.pattern.model_copy(update={"cached_target_sees_all": True})
        caught("target sees the oldest chunk", allowed=allowed_mask(oldest_too, given.layout))
        caught("another pattern", allowed=allowed_mask(Pattern(kind="encoder-decoder"), given.layout))
    if given.network.config.controls:
        swapped = torch.cat((given.additive[:, -1:], given.additive[:, :-1]), dim=1)
        caught("additive columns in another order", additive=swapped)
    other_rotary_base(given.network)
    caught("wrong rotary base")
