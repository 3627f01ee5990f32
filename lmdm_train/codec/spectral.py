"""The default codec: a learnt encoder and decoder around a fixed bank of sinusoids and noise bands, causal in both directions.

Spectral modelling synthesis (Serra and Smith 1990) with learnt amplitudes, as in DDSP (Engel et al. 2020), but with fixed
oscillator frequencies: no frame depends on a later one, phases run on, and the carried state is exact.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmdm_train.codec import spectral_bank as bank
from lmdm_train.codec.base import StateCodec
from lmdm_train.config import SpectralConfig
from lmdm_train.framing import windows

State = dict[str, Tensor]


class CausalConv(nn.Module):
    """Convolution over frames that sees the frame and `kernel - 1` frames before it."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel)
        self.past = kernel - 1

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, inputs, n], past [B, inputs, kernel-1] -> output [B, outputs, n], the past of the next call."""
        joined = torch.cat([past, x], dim=2)
        return self.conv(joined), joined[:, :, -self.past :]


class SpectralCodec(StateCodec):
    """Mono audio <-> frames [B, latent_channels, n]; look-ahead 0 in both directions, streaming by carried state."""

    encoding = ("encoder.", "latent_norm.")
    tone_kernels: Tensor
    band_dft: Tensor
    band_sum: Tensor
    tone_basis: Tensor
    noise_bins: Tensor
    noise_basis: Tensor
    noise_signs: Tensor
    tone_phase: Tensor

    def __init__(self, config: SpectralConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate, self.audio_channels = config.sample_rate, config.audio_channels
        self.frame_size, self.latent_channels = config.frame_size, config.latent_channels
        self.hop = config.frame_size // config.hops_per_frame
        self.phase_period = config.phase_period_frames * config.hops_per_frame
        # Whole periods change no phase. What is left keeps every product of a hop and a multiple exact even where integers are
        # multiplied in float32, as OpenVINO does.
        self.multiples = torch.from_numpy(bank.oscillator_multiples(config) % self.phase_period)
        self.tones = len(self.multiples)
        dft, bands = bank.band_kernels(config)
        constants = {
            "tone_kernels": bank.tone_kernels(config),
            "band_dft": dft,
            "band_sum": bands,
            "tone_basis": bank.tone_basis(config),
            "noise_bins": bank.noise_bins(config),
            "noise_basis": bank.noise_basis(config),
        }
        for name, value in constants.items():
            self.register_buffer(name, torch.from_numpy(value), persistent=False)
        generator = torch.Generator().manual_seed(20_261)
        signs = torch.randint(0, 2, (config.noise_period_frames * config.hops_per_frame, self.hop), generator=generator)
        self.register_buffer("noise_signs", signs.float() * 2 - 1)
        self.register_buffer("tone_phase", torch.rand(self.tones, generator=generator))

        hidden, latent, hops = config.hidden, config.latent_channels, config.hops_per_frame
        features = hops * (self.tones + config.noise_bands)
        self.encoder = nn.Sequential(
            nn.Linear(features, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, latent)
        )
        self.latent_norm = nn.BatchNorm1d(latent, affine=False, momentum=0.02)
        self.decoder_in = CausalConv(latent, hidden, 3)
        self.decoder_mid = CausalConv(hidden, hidden, 3)
        self.decoder_out = nn.Conv1d(hidden, hops * (self.tones + config.noise_bands), 1)
        nn.init.constant_(self.decoder_out.bias, -3.0)  # type: ignore[arg-type]

    def features(self, audio: Tensor) -> Tensor:
        """Log magnitudes of tones and bands at every hop: audio with its history [B, longest_window - hop + n*F] -> [B, n, features]."""
        wide = windows(audio, self.config.longest_window, self.hop)
        tones = wide @ self.tone_kernels
        magnitude = torch.sqrt(tones[..., : self.tones] ** 2 + tones[..., self.tones :] ** 2 + 1e-12)
        short = wide[..., -self.band_dft.shape[0] :] @ self.band_dft
        bins = short.shape[-1] // 2
        energy = (short[..., :bins] ** 2 + short[..., bins:] ** 2) @ self.band_sum
        logs = torch.cat([torch.log10(magnitude + 1e-4), torch.log10(torch.sqrt(energy + 1e-12) + 1e-4)], dim=-1) / 2 + 1.5
        return logs.reshape(logs.shape[0], -1, self.config.hops_per_frame * logs.shape[-1])

    def encode_features(self, features: Tensor) -> Tensor:
        """[B, n, features] -> frames [B, latent_channels, n] of zero mean and unit variance over the training music."""
        return self.latent_norm(self.encoder(features).transpose(1, 2))

    def synthesise(self, amplitudes: Tensor, gains: Tensor, clock: Tensor, last: Tensor, tail: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Amplitudes [B, h, tones] and gains [B, h, bands] of h hops from hop number `clock` [1] -> audio [B, h*hop], last, tail."""
        hops, period = amplitudes.shape[1], self.phase_period
        at = clock.to(torch.int64) + torch.arange(hops, device=amplitudes.device)
        phase = torch.remainder(at, period)
        turns = torch.remainder(phase[:, None] * self.multiples.to(at.device), period).to(torch.float32) / period
        angle = 2 * math.pi * (turns + self.tone_phase)
        cosine, sine = torch.cos(angle), torch.sin(angle)
        before = torch.cat([last, amplitudes[:, :-1]], dim=1)
        tones = torch.cat([before * cosine, before * sine, amplitudes * cosine, amplitudes * sine], dim=-1) @ self.tone_basis
        signs = self.noise_signs[torch.remainder(at, self.noise_signs.shape[0])]
        grains = (gains @ self.noise_bins * signs) @ self.noise_basis
        tails = torch.cat([tail, grains[:, :, self.hop :]], dim=1)
        audio = tones + grains[:, :, : self.hop] + tails[:, :-1]
        return audio.reshape(audio.shape[0], -1), amplitudes[:, -1:], tails[:, -1:]

    def encoder_state(self) -> State:
        """Silence before the stream."""
        return {"history": torch.zeros(1, 1, self.config.longest_window - self.hop)}

    def encode_step(self, audio: Tensor, state: State) -> tuple[Tensor, State]:
        """audio [B, 1, n*F] -> frames [B, C, n], next state."""
        joined = torch.cat([state["history"], audio], dim=2)
        frames = self.encode_features(self.features(joined[:, 0]))
        return frames, {"history": joined[:, :, -(self.config.longest_window - self.hop) :]}

    def decoder_state(self) -> State:
        """A decoder that has played nothing yet; `clock` counts hops and wraps where phases and noise repeat."""
        return {
            "past_in": torch.zeros(1, self.latent_channels, 2),
            "past_mid": torch.zeros(1, self.config.hidden, 2),
            "clock": torch.zeros(1),
            "last": torch.zeros(1, 1, self.tones),
            "tail": torch.zeros(1, 1, self.hop),
        }

    def decode_step(self, frames: Tensor, state: State) -> tuple[Tensor, State]:
        """frames [B, C, n] -> audio [B, 1, n*F], next state."""
        hidden, past_in = self.decoder_in(frames, state["past_in"])
        hidden = F.gelu(hidden)
        mid, past_mid = self.decoder_mid(hidden, state["past_mid"])
        raw = self.decoder_out(hidden + F.gelu(mid)).transpose(1, 2)
        batch, count, _ = raw.shape
        hops = self.config.hops_per_frame
        levels = 2 * torch.sigmoid(raw.reshape(batch, count * hops, -1)) ** math.log(10) + 1e-7
        amplitudes, gains = levels[..., : self.tones], levels[..., self.tones :]
        audio, last, tail = self.synthesise(amplitudes, gains, state["clock"], state["last"], state["tail"])
        period = math.lcm(self.config.phase_period_frames, self.config.noise_period_frames) * hops
        clock = torch.remainder(state["clock"] + count * hops, period)
        return audio[:, None], {"past_in": past_in, "past_mid": past_mid, "clock": clock, "last": last, "tail": tail}

    def encode(self, audio: Tensor) -> Tensor:
        """audio [B, 1, N*F] -> frames [B, C, N], as one stream from silence."""
        history = self.encoder_state()["history"].to(audio).expand(audio.shape[0], -1, -1)
        return self.encode_step(audio, {"history": history})[0]

    def decode(self, frames: Tensor) -> Tensor:
        """frames [B, C, N] -> audio [B, 1, N*F], as one stream from silence."""
        state = {k: v.to(frames) if k == "clock" else v.to(frames).expand(frames.shape[0], -1, -1) for k, v in self.decoder_state().items()}
        return self.decode_step(frames, state)[0]
