"""Constant tables of the spectral codec: analysis kernels, oscillator frequencies, noise bands and synthesis bases."""

from __future__ import annotations

import numpy as np

from lmdm_train.config import SpectralConfig

Array = np.ndarray


def oscillator_multiples(config: SpectralConfig) -> Array:
    """Frequencies of the oscillators as integer multiples of rate / (frame_size * phase_period_frames), int64 [N].

    Semitones up to 440 Hz, where longer windows cannot tell more apart, quarter tones above. Integer multiples make every
    phase repeat after `phase_period_frames` frames, so that a stream's phases never lose precision, however long it runs.
    """
    step = config.sample_rate / (config.frame_size * config.phase_period_frames)
    low = config.lowest_hz * 2 ** (np.arange(0, 12 * np.log2(440 / config.lowest_hz)) / 12)
    high = 440 * 2 ** (np.arange(0, 24 * np.log2(config.highest_hz / 440)) / 24)
    return np.round(np.concatenate([low, high]) / step).astype(np.int64)


def oscillator_hz(config: SpectralConfig) -> Array:
    """Frequencies of the oscillators in Hz, [N]."""
    return oscillator_multiples(config) * config.sample_rate / (config.frame_size * config.phase_period_frames)


def tone_kernels(config: SpectralConfig) -> Array:
    """Constant-Q kernels, right-aligned so that no sample after the hop is needed; [longest_window, 2N] (cosine, then sine)."""
    size = config.longest_window
    kernels = np.zeros((2, size, len(oscillator_multiples(config))))
    for index, hz in enumerate(oscillator_hz(config)):
        q = 17.0 if hz < 440 else 34.0
        length = int(np.clip(q * config.sample_rate / hz, 1024, size))
        window = np.hanning(length + 2)[1:-1]
        angle = 2 * np.pi * hz * np.arange(length) / config.sample_rate
        kernels[0, size - length :, index] = window * np.cos(angle) * 2 / window.sum()
        kernels[1, size - length :, index] = window * np.sin(angle) * 2 / window.sum()
    return np.concatenate([kernels[0], kernels[1]], axis=1).astype(np.float32)


def noise_window(config: SpectralConfig) -> int:
    """Length in samples of a noise grain: two hops."""
    return 2 * config.frame_size // config.hops_per_frame


def mel_bands(bins: int, sample_rate: int, bands: int, lowest_hz: float = 60.0) -> Array:
    """Triangular bands over `bins` equal bins up to half the rate, equally spaced in mel; [bands, bins], columns sum to 1."""
    mel = np.log1p((np.arange(bins) + 0.5) * sample_rate / 2 / bins / 700)
    centres = np.linspace(np.log1p(lowest_hz / 700), np.log1p(0.45 * sample_rate / 700), bands)
    place = np.interp(mel, centres, np.arange(bands))
    return np.maximum(0.0, 1.0 - np.abs(place[None, :] - np.arange(bands)[:, None])).astype(np.float32)


def noise_bins(config: SpectralConfig) -> Array:
    """Noise bands over the bins of a grain, [noise_bands, bins]."""
    return mel_bands(noise_window(config) // 2, config.sample_rate, config.noise_bands)


def noise_basis(config: SpectralConfig) -> Array:
    """Windowed inverse MDCT of a noise grain; [bins, 2 * bins]."""
    bins = noise_window(config) // 2
    n, k = np.arange(2 * bins), np.arange(bins)[:, None]
    window = np.sin(np.pi * (n + 0.5) / (2 * bins))
    return (window * np.cos(np.pi / bins * (n + 0.5 + bins / 2) * (k + 0.5)) * np.sqrt(2 / bins)).astype(np.float32)


def band_kernels(config: SpectralConfig) -> tuple[Array, Array]:
    """Short analysis window's DFT [window, 2 * bins] and the band matrix [bins, noise_bands] for energies at each hop."""
    size = noise_window(config)
    bins = size // 2
    n, k = np.arange(size)[:, None], np.arange(bins) + 0.5
    window = np.hanning(size + 2)[1:-1][:, None]
    angle = 2 * np.pi * n * k / size
    dft = np.concatenate([window * np.cos(angle), window * np.sin(angle)], axis=1) / window.sum()
    bands = noise_bins(config)
    return dft.astype(np.float32), (bands / bands.sum(axis=1, keepdims=True)).T.astype(np.float32)


def tone_basis(config: SpectralConfig) -> Array:
    """Oscillators over one hop with linear amplitude ramps; [4N, hop].

    Rows: cosine fading out, minus sine fading out, cosine fading in, minus sine fading in.
    """
    hop = config.frame_size // config.hops_per_frame
    n = np.arange(hop)
    angle = 2 * np.pi * oscillator_hz(config)[:, None] * n / config.sample_rate
    rise = (n + 1) / hop
    rows = [np.cos(angle) * (1 - rise), -np.sin(angle) * (1 - rise), np.cos(angle) * rise, -np.sin(angle) * rise]
    return np.concatenate(rows).astype(np.float32)
