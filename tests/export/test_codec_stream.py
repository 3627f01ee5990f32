"""The codec graphs as a stream: run after run, against one run over everything."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lmdm_export.errors import ExportError
from lmdm_export.graphs.codec import CodecGraphs, codec_graphs
from lmdm_train.codec import ContextCodec
from lmdm_train.codec.oobleck import Oobleck
from lmdm_train.codec.spectral import SpectralCodec
from lmdm_train.config import OobleckConfig, SpectralConfig
from tests.export.onnx_run import relative_error
from tests.small_instruments import small_instrument

BLOCK, BLOCKS = 4, 6


@pytest.fixture(scope="module")
def oobleck() -> ContextCodec:
    """The tiny Oobleck as export sees it."""
    codec = small_instrument("tiny").codec
    assert isinstance(codec, ContextCodec)
    return codec


def frames_of(channels: int) -> Tensor:
    return torch.randn(1, channels, BLOCK * BLOCKS, generator=torch.Generator().manual_seed(2))


def inside(whole: Tensor, first: int, last: int) -> Tensor:
    """Steps first..last of a signal that lies between silence."""
    before, after = max(0, -first), max(0, last - whole.shape[-1])
    return torch.nn.functional.pad(whole[..., max(0, first) : min(last, whole.shape[-1])], (before, after))


def decode_runs(graphs: CodecGraphs, frames: Tensor) -> list[Tensor]:
    """The audio that each run of the decoder graph gives, with the frames around it that it asks for."""
    spec, streaming = graphs.decoder, graphs.decoder_streaming
    starts = range(0, frames.shape[-1], BLOCK)
    return [spec.run({"frames": inside(frames, start - streaming.left, start + BLOCK + streaming.delay)})["audio"] for start in starts]


def surrounded(codec: ContextCodec, frames: Tensor, around: int) -> Tensor:
    """One decode of all frames between silent ones, as a stream that began long ago and goes on sees them."""
    size = codec.frame_size
    whole = codec.decode(torch.nn.functional.pad(frames, (around, around)))
    return whole[..., around * size : -around * size]


def test_paying_the_lookahead_gives_what_one_decode_gives(oobleck: ContextCodec) -> None:
    graphs = codec_graphs(oobleck, BLOCK)
    frames = frames_of(oobleck.latent_channels)
    left, right = oobleck.decoder_context()
    assert (graphs.decoder_streaming.left, graphs.decoder_streaming.delay, graphs.decoder_streaming.fade) == (left, right, 0)
    streamed = torch.cat(decode_runs(graphs, frames), dim=-1)
    assert relative_error(surrounded(oobleck, frames, left + right), streamed.numpy()) < 1e-6


def test_one_frame_less_of_lookahead_is_heard(oobleck: ContextCodec) -> None:
    graphs = codec_graphs(oobleck, BLOCK)
    frames = frames_of(oobleck.latent_channels)
    left, right = oobleck.decoder_context()
    cut = graphs.decoder.run({"frames": inside(frames, -left, BLOCK + right - 1)[..., : left + BLOCK + right - 1].contiguous()})["audio"]
    whole = surrounded(oobleck, frames, left + right)[..., : cut.shape[-1]]
    assert relative_error(whole, cut.numpy()) > 1e-5


def test_encoder_runs_give_what_one_encode_gives(oobleck: ContextCodec) -> None:
    graphs = codec_graphs(oobleck, BLOCK)
    size, streaming = oobleck.frame_size, graphs.encoder_streaming
    audio = torch.randn(1, oobleck.audio_channels, BLOCK * BLOCKS * size, generator=torch.Generator().manual_seed(4))
    around = streaming.left + streaming.right
    whole = oobleck.encode(torch.nn.functional.pad(audio, (around * size, around * size)))[..., around:-around]
    runs = [
        graphs.encoder.run({"audio": inside(audio, (start - streaming.left) * size, (start + BLOCK + streaming.right) * size)})["frames"]
        for start in range(0, BLOCK * BLOCKS, BLOCK)
    ]
    assert relative_error(whole, torch.cat(runs, dim=-1).numpy()) < 1e-5


def crossfaded(graphs: CodecGraphs, frames: Tensor, size: int) -> Tensor:
    """Runs blended over their `fade` frames, as a runtime plays them."""
    fade = graphs.decoder_streaming.fade * size
    ramp = torch.linspace(0, 1, fade + 1)[:-1]
    parts, tail = [], None
    for audio in decode_runs(graphs, frames):
        head = audio[..., : BLOCK * size].clone()
        if tail is not None:
            head[..., :fade] = tail * (1 - ramp) + head[..., :fade] * ramp
        tail = audio[..., BLOCK * size :]
        parts.append(head)
    return torch.cat(parts, dim=-1)


def test_crossfade_waits_less_and_beats_no_context_at_all(oobleck: ContextCodec) -> None:
    frames, size = frames_of(oobleck.latent_channels), oobleck.frame_size
    left, right = oobleck.decoder_context()
    graphs = codec_graphs(oobleck, BLOCK, fade=1)
    streaming = graphs.decoder_streaming
    assert 0 < streaming.fade == streaming.delay < right == streaming.right
    assert graphs.decoder.run(graphs.decoder.inputs)["audio"].shape[-1] == (BLOCK + streaming.fade) * size
    whole = surrounded(oobleck, frames, left + right)
    faded = crossfaded(graphs, frames, size)
    error = (faded - whole).square().mean().sqrt() / whole.square().mean().sqrt()
    cold = torch.cat([oobleck.decode(frames[..., start : start + BLOCK]) for start in range(0, BLOCK * BLOCKS, BLOCK)], dim=-1)
    without = (cold - whole).square().mean().sqrt() / whole.square().mean().sqrt()
    assert 0 < error < 0.8 * without


@pytest.mark.parametrize("fade", [0, 99])
def test_crossfade_that_does_not_fit_is_refused(oobleck: ContextCodec, fade: int) -> None:
    with pytest.raises(ExportError, match="crossfade"):
        codec_graphs(oobleck, BLOCK, fade)


def test_crossfade_of_a_causal_codec_is_refused() -> None:
    with pytest.raises(ExportError, match="causal"):
        codec_graphs(spectral(), BLOCK, fade=1)


def spectral() -> SpectralCodec:
    return SpectralCodec(SpectralConfig(latent_channels=8, hidden=16, frame_size=512, longest_window=2048)).eval()


@torch.no_grad()
def test_carried_state_gives_what_one_run_gives() -> None:
    codec = spectral()
    graphs = codec_graphs(codec, BLOCK)
    frames, size = frames_of(codec.latent_channels), codec.frame_size
    audio = torch.randn(1, 1, BLOCK * BLOCKS * size, generator=torch.Generator().manual_seed(5)) * 0.1
    for spec, name, given, whole, step in (
        (graphs.decoder, "codec_decoder", frames, codec.decode(frames), BLOCK),
        (graphs.encoder, "codec_encoder", audio, codec.encode(audio), BLOCK * size),
    ):
        state, made = graphs.states[name], []
        for start in range(0, given.shape[-1], step):
            out = spec.run({next(iter(spec.inputs)): given[..., start : start + step], **state})
            made.append(out.pop(spec.outputs[0]))
            assert {key.removesuffix("_out"): value.shape for key, value in out.items()} == {k: v.shape for k, v in state.items()}
            state = {key.removesuffix("_out"): value for key, value in out.items()}
        assert relative_error(whole, torch.cat(made, dim=-1).numpy()) < 1e-5


def test_published_oobleck_looks_as_far_as_measured() -> None:
    """Ten frames to each side to decode and eight to encode, whatever the widths are."""
    codec = Oobleck(OobleckConfig(base_channels=2, latent_channels=4))
    assert codec.frame_size == 2048
    assert codec.decoder_context() == (10, 10)
    assert codec.encoder_context() == (8, 8)
