"""Seconds conditioner against stable-audio-tools."""

from __future__ import annotations

import pytest

from lmdm_train.model.seconds import SecondsEmbedder
from tests.oracle_cases import Case, assert_caught, assert_matches, cases


@pytest.mark.parametrize("case", cases("number"))
def test_oracle_seconds(case: Case) -> None:
    settings = case.config["conditioner"]
    features = case.weights["embedder.embedding.1.weight"].shape[1] - 1
    embedder = SecondsEmbedder(settings["output_dim"], settings["min_val"], settings["max_val"], features).requires_grad_(False)
    embedder.load_state_dict(case.weights)
    seconds, expected = case.given("seconds"), case.out("embedding")[:, 0]

    assert_matches(embedder(seconds), expected, "seconds embedding")
    assert bool((case.out("mask") == 1).all())
    assert_caught(embedder(seconds + 1), expected, "another duration")
    embedder.maximum *= 2
    assert_caught(embedder(seconds), expected, "another range")
