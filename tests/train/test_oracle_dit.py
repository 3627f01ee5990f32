"""Bidirectional network against stable-audio-tools."""

from __future__ import annotations

import pytest
import torch

from tests.oracle_cases import Case, assert_caught, assert_matches, cases, other_rotary_base


@pytest.mark.parametrize("case", cases("dit_upstream"))
def test_oracle_bidirectional(case: Case) -> None:
    network = case.dit()
    assert network.config.global_token == "first"
    x, t, text, seconds = (case.given(name) for name in ("x", "t", "cross_attn_cond", "global_cond"))

    hidden: list[torch.Tensor] = []
    velocity = network(x, t, text, seconds, collect=hidden)
    null = network(x, t, torch.zeros_like(text), seconds)
    guided = null + case.config["cfg_scale"] * (velocity - null)
    layer = case.config["exit_layer_ix"]

    assert_matches(velocity, case.out("velocity"), "velocity")
    assert_matches(null, case.out("velocity_null_cross"), "velocity under the null condition")
    assert_matches(guided, case.out("velocity_cfg"), "guided velocity")
    assert_matches(hidden[layer], case.out(f"hidden_after_layer{layer}"), f"hidden state after layer {layer}")
    explicit = network(x, t, text, seconds, positions=case.given("rope_positions"))
    assert_matches(explicit, case.out("velocity"), "velocity at the case's own positions")


@pytest.mark.parametrize("case", cases("dit_upstream"))
def test_oracle_bidirectional_controls(case: Case) -> None:
    network = case.dit()
    x, t, text, seconds = (case.given(name) for name in ("x", "t", "cross_attn_cond", "global_cond"))
    expected = case.out("velocity")

    assert_caught(network(x, t, torch.zeros_like(text), seconds), expected, "condition zeroed")
    assert_caught(network(x, t * 0.9, text, seconds), expected, "another noise level")
    elsewhere = case.given("rope_positions").roll(1)
    assert_caught(network(x, t, text, seconds, positions=elsewhere), expected, "global token at another position")
    other_rotary_base(network)
    assert_caught(network(x, t, text, seconds), expected, "wrong rotary base")
