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


def test_no_integer_on_the_way_to_a_phase_is_too_large_for_float32(codec, monkeypatch):
    """Some runtimes multiply integers in float32. Every product is recorded on its way into the remainder, over the whole period."""
    remainder, largest = torch.remainder, []

    def recorded(value, divisor):
        largest.append(int(value.abs().max()))
        return remainder(value, divisor)

    monkeypatch.setattr(torch, "remainder", recorded)
    hops = CONFIG.phase_period_frames * CONFIG.hops_per_frame
    levels = torch.ones(1, hops + 32, codec.tones), torch.zeros(1, hops + 32, CONFIG.noise_bands)
    state = codec.decoder_state()
    codec.synthesise(*levels, torch.tensor([float(hops - 1)]), state["last"], state["tail"])
    assert len(largest) == 3
    assert max(largest) < 2**24
    # The control: the frequencies themselves, times the last hop of the period.
    assert int(bank.oscillator_multiples(CONFIG).max()) * (hops - 1) > 2**24


@torch.no_grad()
@pytest.mark.parametrize("clock", [0, 5, 1023])
def test_phases_are_those_of_whole_integers(codec, clock):
    """Against Python's integers of any size and float64: amplitude 1 for all tones at once, at the start of each hop."""
    hops, hop = 40, CONFIG.frame_size // CONFIG.hops_per_frame
    ones, silence = torch.ones(1, hops, codec.tones), torch.zeros(1, hops, CONFIG.noise_bands)
    audio = codec.synthesise(ones, silence, torch.tensor([float(clock)]), ones[:, :1], codec.decoder_state()["tail"])[0]
    period = CONFIG.phase_period_frames * CONFIG.hops_per_frame
    starts = np.array([[(clock + at) * int(m) % period / period for m in bank.oscillator_multiples(CONFIG)] for at in range(hops)])
    expected = np.cos(2 * np.pi * (starts + codec.tone_phase.double().numpy())).sum(axis=1)
    # float32 angles up to 2 turns are off by up to 5e-7, times 153 tones that add up at random.
    assert np.abs(audio[0, ::hop].numpy() - expected).max() < 2e-5


def test_a_period_whose_phases_would_round_is_refused():
    with pytest.raises(ValueError, match="at most 4096 are exact"):
        SpectralConfig(phase_period_frames=2048, hops_per_frame=4)


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
