"""Oobleck codec against stable-audio-tools."""

from __future__ import annotations

import pytest
import torch

from lmdm_train.checkpoint.stable_audio import oobleck_config
from lmdm_train.codec import build_codec
from lmdm_train.codec.oobleck import Oobleck
from tests.oracle_cases import Case, assert_caught, assert_matches, cases


@pytest.mark.parametrize("case", cases("oobleck"))
def test_oracle_oobleck(case: Case) -> None:
    config = oobleck_config(case.config["encoder"], case.config["decoder"])
    codec = build_codec(config).requires_grad_(False)
    assert isinstance(codec, Oobleck)
    assert codec.frame_size == case.config["downsampling_ratio"]
    codec.load_state_dict(case.weights)

    def check(state: str) -> None:
        raw = codec.encoder(case.given("audio"))
        mean, deviation = codec.encode_distribution(case.given("audio"))
        sampled = mean + deviation * case.given("vae_noise")
        assert_matches(raw, case.out("encoder_raw"), f"encoder{state}")
        assert_matches(codec.encode(case.given("audio")), case.out("encoder_raw")[:, : config.latent_channels], f"mean{state}")
        assert_matches(sampled, case.out("latent_sampled"), f"sampled frames{state}")
        assert_matches(codec.decode(case.given("latent")), case.out("decoded"), f"decoder{state}")
        assert_matches(codec.decode(sampled), case.out("decoded_from_sampled"), f"decoder of sampled frames{state}")

    check("")
    codec.fold_weight_norm()
    assert not any("weight_g" in key for key in codec.state_dict())
    check(", weight norm folded")


@pytest.mark.parametrize("case", cases("oobleck"))
def test_oracle_oobleck_controls(case: Case) -> None:
    config = oobleck_config(case.config["encoder"], case.config["decoder"])
    codec = build_codec(config).requires_grad_(False)
    unnormed = {key.replace("weight_v", "weight"): value for key, value in case.weights.items() if not key.endswith("weight_g")}
    codec.load_state_dict(unnormed)
    assert_caught(codec.decode(case.given("latent")), case.out("decoded"), "weight norm ignored in the decoder")
    assert_caught(codec.encoder(case.given("audio")), case.out("encoder_raw"), "weight norm ignored in the encoder")

    codec = build_codec(config).requires_grad_(False)
    codec.load_state_dict({key: torch.zeros_like(v) if key.endswith("alpha") else v for key, v in case.weights.items()})
    assert_caught(codec.decode(case.given("latent")), case.out("decoded"), "Snake's alpha ignored")
