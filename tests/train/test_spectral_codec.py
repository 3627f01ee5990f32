"""The default codec: no look-ahead, exact streams, phases that never drift, and tones that come out as tones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lmdm_train.codec import spectral_bank as bank
from lmdm_train.codec.files import load_codec, save_codec
from lmdm_train.codec.spectral import SpectralCodec
from lmdm_train.config import SpectralConfig
from lmdm_train.errors import LmdmTrainError

CONFIG = SpectralConfig(latent_channels=4, hidden=16)


@pytest.fixture(scope="module")
def codec() -> SpectralCodec:
    torch.manual_seed(0)
    codec = SpectralCodec(CONFIG).eval()
    with torch.no_grad():
        codec.decoder_out.bias += torch.randn_like(codec.decoder_out.bias)
    return codec


@torch.no_grad()
def streamed(codec: SpectralCodec, frames: torch.Tensor, block: int, *, forget: bool = False) -> torch.Tensor:
    state, blocks = codec.decoder_state(), []
    for at in range(0, frames.shape[2], block):
        audio, state = codec.decode_step(frames[:, :, at : at + block], codec.decoder_state() if forget else state)
        blocks.append(audio)
    return torch.cat(blocks, dim=2)


@torch.no_grad()
def test_a_streamed_decode_is_the_whole_decode(codec):
    frames = torch.randn(1, 4, 24)
    whole = codec.decode(frames)
    # Two orders of summation in the same matrix products: a few units in the last place of audio of order 1.
    bound = 2e-6 * whole.abs().max()
    assert (streamed(codec, frames, 8) - whole).abs().max() < bound
    assert (streamed(codec, frames, 3) - whole).abs().max() < bound
    assert (streamed(codec, frames, 8, forget=True) - whole).abs().max() > 100 * bound


@torch.no_grad()
def test_a_streamed_encode_is_the_whole_encode(codec):
    audio = torch.randn(1, 1, 12 * CONFIG.frame_size) * 0.1
    state, parts = codec.encoder_state(), []
    for at in range(0, 12, 4):
        frames, state = codec.encode_step(audio[:, :, at * CONFIG.frame_size : (at + 4) * CONFIG.frame_size], state)
        parts.append(frames)
    assert (torch.cat(parts, dim=2) - codec.encode(audio)).abs().max() < 1e-4


@torch.no_grad()
def test_nothing_depends_on_what_comes_later(codec):
    frames, size = torch.randn(1, 4, 10), CONFIG.frame_size
    changed = frames.clone()
    changed[:, :, 6:] = 3.0
    difference = (codec.decode(changed) - codec.decode(frames)).abs()[0, 0]
    assert difference[: 6 * size].max() == 0
    assert difference[6 * size :].max() > 0
    audio = torch.randn(1, 1, 10 * size)
    later = audio.clone()
    later[:, :, 6 * size :] = 0
    difference = (codec.encode(later) - codec.encode(audio)).abs()[0]
    assert difference[:, :6].max() == 0
    assert difference[:, 6:].max() > 0


@torch.no_grad()
def test_phases_repeat_exactly_so_that_hours_sound_like_minutes(codec):
    hops = CONFIG.hops_per_frame
    levels = (torch.ones(1, hops, codec.tones), torch.zeros(1, hops, CONFIG.noise_bands))
    state = codec.decoder_state()

    def from_clock(clock: float) -> torch.Tensor:
        return codec.synthesise(*levels, torch.tensor([clock]), levels[0][:, :1], state["tail"])[0]

    period = CONFIG.phase_period_frames * hops
    assert torch.equal(from_clock(4.0), from_clock(4.0 + period))
    assert not torch.equal(from_clock(4.0), from_clock(5.0))


@torch.no_grad()
def test_one_oscillator_is_one_sharp_partial(codec):
    hops, tone = 32 * CONFIG.hops_per_frame, 60
    amplitudes = torch.zeros(1, hops, codec.tones)
    amplitudes[:, :, tone] = 0.5
    state = codec.decoder_state()
    gains = torch.zeros(1, hops, CONFIG.noise_bands)
    audio = codec.synthesise(amplitudes, gains, state["clock"], state["last"], state["tail"])[0][0].numpy()
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    hz = np.argmax(spectrum) * CONFIG.sample_rate / len(audio)
    assert abs(hz - bank.oscillator_hz(CONFIG)[tone]) < CONFIG.sample_rate / len(audio)
    far = np.abs(np.arange(len(spectrum)) - np.argmax(spectrum)) > 12
    assert 20 * np.log10(spectrum[far].max() / spectrum.max()) < -50


@torch.no_grad()
def test_the_encoder_sees_a_tone_where_it_is(codec):
    tone = 80
    hz = bank.oscillator_hz(CONFIG)[tone]
    audio = 0.3 * torch.sin(
        2 * torch.pi * hz * torch.arange(codec.config.longest_window - codec.hop + 4 * codec.frame_size) / CONFIG.sample_rate
    )
    features = codec.features(audio[None].float())[0, -1].reshape(CONFIG.hops_per_frame, -1)[-1, : codec.tones]
    assert int(features.argmax()) == tone


def test_noise_bands_cover_every_bin_once():
    bands = bank.noise_bins(CONFIG)
    assert np.allclose(bands.sum(axis=0), 1.0, atol=1e-5)
    assert (bands.sum(axis=1) > 0).all()


def test_a_codec_file_comes_back_and_a_broken_one_is_refused(tmp_path, codec):
    save_codec(tmp_path / "codec.safetensors", codec)
    again = load_codec(tmp_path / "codec.safetensors")
    frames = torch.randn(1, 4, 3)
    with torch.no_grad():
        assert torch.equal(again.decode(frames), codec.decode(frames))
    data = (tmp_path / "codec.safetensors").read_bytes()
    (tmp_path / "codec.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(LmdmTrainError, match=r"codec\.safetensors is not a readable codec"):
        load_codec(tmp_path / "codec.safetensors")
