"""The OpenL3 audio network (mel256, 512 values a second) in torch, with the parameter names of torchopenl3.

Sources: Cramer et al. 2019; marl/openl3 0.4.2, openl3/models.py (`_construct_mel256_audio_network`, `AUDIO_POOLING_SIZES`);
torchopenl3/models.py for names. The front end is that of openl3 0.4 with kapre 0.3.7, which stable-audio-metrics pins: magnitudes through
Slaney's mel bands. torchopenl3 and openl3 0.3 (kapre 0.1.4) take HTK bands of power instead, so their embeddings differ from these.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

RATE, WINDOW, HOP, BANDS, EMBEDDING = 48_000, 2048, 242, 256, 512
FLOOR_DB, SMALLEST = -80.0, 1e-10
CHANNELS = (1, 64, 64, 128, 128, 256, 256, 512)
POOLED_AFTER = (2, 4, 6)


class OpenL3(nn.Module):
    """One second of mono audio at 48 kHz [B, 48000] -> embedding [B, 512]."""

    mel: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        import librosa

        bands = librosa.filters.mel(sr=RATE, n_fft=WINDOW, n_mels=BANDS, fmin=0.0, fmax=RATE / 2, htk=False, norm="slaney")
        self.register_buffer("mel", torch.from_numpy(bands).float(), persistent=False)
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        for index, channels in enumerate(CHANNELS, 1):
            self.add_module(f"batch_normalization_{index}", nn.BatchNorm2d(channels, eps=1e-3))
        for index, (below, above) in enumerate(pairwise(CHANNELS), 1):
            self.add_module(f"conv2d_{index}", nn.Conv2d(below, above, 3, padding=1))
        self.audio_embedding_layer = nn.Conv2d(CHANNELS[-1], EMBEDDING, 3, padding=1)

    def decibels(self, audio: Tensor) -> Tensor:
        """[B, 48000] -> mel magnitudes in dB below the loudest of each item, [B, 256, 199]; zeros follow the end (`pad_end`)."""
        frames = -(-audio.shape[1] // HOP)
        padded = nn.functional.pad(audio, (0, (frames - 1) * HOP + WINDOW - audio.shape[1]))
        magnitude = torch.stft(padded, WINDOW, HOP, window=self.window, center=False, return_complex=True).abs()
        level = 10 * torch.log10((self.mel @ magnitude).clamp(min=SMALLEST))
        return (level - level.amax(dim=(1, 2), keepdim=True)).clamp(min=FLOOR_DB)

    def forward(self, audio: Tensor) -> Tensor:
        hidden = self._layer("batch_normalization_1")(self.decibels(audio)[:, None])
        for index in range(1, len(CHANNELS)):
            hidden = self._layer(f"batch_normalization_{index + 1}")(self._layer(f"conv2d_{index}")(hidden)).relu()
            if index in POOLED_AFTER:
                hidden = nn.functional.max_pool2d(hidden, 2)
        # Three halvings leave [B, 512, 32, 24]: one value of each channel.
        return nn.functional.max_pool2d(self.audio_embedding_layer(hidden), (32, 24)).flatten(1)

    def _layer(self, name: str) -> Any:
        return self.get_submodule(name)
