"""Multi-resolution spectral distance between two waveforms."""

from __future__ import annotations

import torch
from torch import Tensor

WINDOWS = (256, 1024, 4096, 8192)


def spectral_distance(made: Tensor, real: Tensor, windows: tuple[int, ...] = WINDOWS) -> Tensor:
    """Mean over window sizes of the L1 distance of log10 magnitudes plus spectral convergence (Yamamoto et al. 2020, Eqs. 3-5).

    made, real: [B, samples]. Long windows see partials, short ones see attacks.
    """
    total = made.new_zeros(())
    for size in windows:
        window = torch.hann_window(size, device=made.device)
        spectra = [
            torch.stft(x, size, size // 4 if size < 4096 else size // 8, window=window, center=False, return_complex=True).abs()
            for x in (made, real)
        ]
        scale = 2 / window.sum()
        log_made, log_real = (torch.log10(s * scale + 1e-4) for s in spectra)
        convergence = torch.linalg.norm(spectra[0] - spectra[1]) / (torch.linalg.norm(spectra[1]) + 1e-6)
        total = total + (log_made - log_real).abs().mean() + 0.5 * convergence
    return total / len(windows)
