"""What PaSST hears: the log-mel of hear21passt's AugmentMelSTFT as it is in inference, without torchaudio.

Source: kkoutini/passt_hear21, hear21passt/models/preprocess.py with the settings of hear21passt/base.py; bands of Kaldi, as
torchaudio.compliance.kaldi.get_mel_banks.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

RATE, WINDOW, HOP, FFT, BANDS = 32_000, 800, 320, 1024, 128
# Half the rate less half of the range by which training moved the top.
LOWEST_HZ, HIGHEST_HZ, PREEMPHASIS = 0.0, 15_000.0, 0.97


class LogMel(nn.Module):
    """Mono audio [B, samples] at 32 kHz -> [B, 1, 128, 1 + (samples - 1) // 320]."""

    bands: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bands", kaldi_bands(), persistent=False)
        self.register_buffer("window", torch.hann_window(WINDOW, periodic=False), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        steep = audio[:, 1:] - PREEMPHASIS * audio[:, :-1]
        power = torch.stft(steep, FFT, HOP, WINDOW, self.window, center=True, return_complex=True).abs().square()
        return (((self.bands @ power + 1e-5).log() + 4.5) / 5.0)[:, None]


def kaldi_bands() -> Tensor:
    """Triangles in Kaldi's mel, 1127 ln(1 + f / 700), over the bins of the spectrum, not normalised, [128, 513]; the last bin is 0."""
    low, high = (1127.0 * math.log(1.0 + hz / 700.0) for hz in (LOWEST_HZ, HIGHEST_HZ))
    step = (high - low) / (BANDS + 1)
    left = (low + step * torch.arange(BANDS, dtype=torch.float64))[:, None]
    mel = 1127.0 * (1.0 + RATE / FFT * torch.arange(FFT // 2, dtype=torch.float64) / 700.0).log()[None]
    triangles = torch.minimum((mel - left) / step, (left + 2 * step - mel) / step).clamp(min=0)
    return nn.functional.pad(triangles, (0, 1)).float()
