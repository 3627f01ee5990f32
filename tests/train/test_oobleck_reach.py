"""The codec's reach is what its layers say: exactly so much context makes a block exact, and one frame less does not."""

from __future__ import annotations

import pytest
import torch

from lmdm_train.codec import build_codec
from lmdm_train.codec.oobleck import Oobleck
from lmdm_train.codec.receptive import Reach, needed_inputs
from lmdm_train.config import OobleckConfig
from lmdm_train.errors import ModelError
from tests.small_instruments import randomise

FULL = (2, 4, 4, 8, 8)


def small(strides: tuple[int, ...]) -> Oobleck:
    codec = build_codec(OobleckConfig(base_channels=2, latent_channels=2, strides=strides, channel_mults=(1, 2, 4, 8, 16)[: len(strides)]))
    assert isinstance(codec, Oobleck)
    randomise(codec)
    # Doubled gains keep the rim of the receptive field far above rounding.
    with torch.no_grad():
        for name, parameter in codec.named_parameters():
            if name.endswith("weight_g"):
                parameter.mul_(2)
    return codec.double().requires_grad_(False)


def test_reach_of_the_full_codec() -> None:
    with torch.device("meta"):
        codec = build_codec(OobleckConfig())
    assert isinstance(codec, Oobleck)
    assert codec.frame_size == 2048
    assert codec.decoder_context() == (10, 10)
    assert codec.encoder_context() == (8, 8)


def test_reach_of_single_layers() -> None:
    assert needed_inputs([Reach(7, 1, 3, 9, transposed=False)], 0, 0) == (-9, 9)
    assert needed_inputs([Reach(4, 2, 1, 1, transposed=False)], 5, 6) == (9, 14)
    assert needed_inputs([Reach(4, 2, 1, 1, transposed=True)], 0, 1) == (-1, 1)
    assert needed_inputs([Reach(4, 2, 1, 1, transposed=True), Reach(3, 1, 1, 1, transposed=False)], 0, 1) == (-1, 1)


@pytest.mark.parametrize("strides", [FULL, (2, 4), (4, 2, 8)], ids=str)
def test_decoding_with_its_context_is_exact(strides: tuple[int, ...]) -> None:
    codec, (left, right) = small(strides), small(strides).decoder_context()
    size = codec.frame_size
    frames = torch.randn(1, 2, left + right + 8 + 22, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    whole = codec.decode(frames)
    start = left + 11

    def error(before: int, after: int) -> float:
        part = codec.decode(frames[..., start - before : start + 3 + after])[..., before * size : (before + 3) * size]
        return float((part - whole[..., start * size : (start + 3) * size]).abs().max() / whole.abs().max())

    assert error(left, right) < 1e-10
    assert error(left - 1, right) > 1e-7
    assert error(left, right - 1) > 1e-7
    assert error(left, 0) > 1e-3


@pytest.mark.parametrize("strides", [FULL, (2, 4), (4, 2, 8)], ids=str)
def test_encoding_with_its_context_is_exact(strides: tuple[int, ...]) -> None:
    codec, (left, right) = small(strides), small(strides).encoder_context()
    size = codec.frame_size
    audio = torch.randn(1, 2, (left + right + 16) * size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    whole = codec.encode(audio)
    start = left + 6

    def error(before: int, after: int) -> float:
        part = codec.encode(audio[..., (start - before) * size : (start + 3 + after) * size])[..., before : before + 3]
        return float((part - whole[..., start : start + 3]).abs().max() / whole.abs().max())

    assert error(left, right) < 1e-10
    assert error(left - 1, right) > 1e-7
    assert error(left, right - 1) > 1e-7


def test_reach_survives_folding() -> None:
    codec = small((2, 4))
    before = codec.encoder_context(), codec.decoder_context()
    codec.fold_weight_norm()
    assert (codec.encoder_context(), codec.decoder_context()) == before


def test_odd_strides_are_refused() -> None:
    with pytest.raises(ModelError, match="must be even"):
        build_codec(OobleckConfig(strides=(3, 4), channel_mults=(1, 2)))
    with pytest.raises(ModelError, match="one stride for each"):
        build_codec(OobleckConfig(strides=(2, 4)))
