"""How much of held-out music a codec keeps: spectral distance, mel error, and pitch classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from lmdm_train.codec.base import Codec
from lmdm_train.codec.spectral_bank import mel_bands
from lmdm_train.data.music import Track
from lmdm_train.stages.spectral_loss import spectral_distance

WINDOW, BANDS = 4096, 64


def _power(audio: Tensor) -> Tensor:
    window = torch.hann_window(WINDOW)
    return torch.stft(audio, WINDOW, WINDOW // 4, window=window, center=False, return_complex=True)[:-1].abs().square()


def mel_error_db(made: Tensor, real: Tensor, rate: int) -> float:
    """Mean absolute difference of log-mel in dB over [samples] each; levels below -80 dB of the loudest count as -80."""
    mel = torch.from_numpy(mel_bands(WINDOW // 2, rate, BANDS))
    levels = [10 * torch.log10(mel @ _power(audio) + 1e-12) for audio in (made, real)]
    floor = float(levels[1].max()) - 80
    return float((levels[0].clamp(min=floor) - levels[1].clamp(min=floor)).abs().mean())


def pitch_classes(audio: Tensor, rate: int) -> Tensor:
    """The three strongest of twelve pitch classes in each frame, one-hot sums [12, frames], from partials of 55 to 2000 Hz."""
    hz = np.arange(WINDOW // 2) * rate / WINDOW
    chosen = (hz > 55) & (hz < 2000)
    classes = np.round(12 * np.log2(np.maximum(hz, 1) / 440)).astype(int) % 12
    fold = torch.from_numpy(((classes[None] == np.arange(12)[:, None]) & chosen[None]).astype(np.float32))
    strongest = (fold @ _power(audio)).topk(3, dim=0).indices
    return torch.zeros(12, strongest.shape[1]).scatter_(0, strongest, 1.0)


def codec_quality(
    codec: Codec, tracks: Sequence[Track], *, seconds: float = 12.0, on_track: Callable[[int], None] = lambda done: None
) -> dict[str, float]:
    """Means over the tracks, and the same against the next track's audio as a control (`*_of_another`)."""
    coded, real = [], []
    for index, track in enumerate(tracks):
        audio = torch.from_numpy(track.mix(codec.sample_rate))[: int(seconds * codec.sample_rate) // codec.frame_size * codec.frame_size]
        with torch.no_grad():
            coded.append(codec.decode(codec.encode(audio[None, None]))[0, 0])
        real.append(audio)
        on_track(index + 1)
    result = {}
    for name, others in (("", real), ("_of_another", [*real[1:], real[0]])):
        pairs = list(zip(coded, others, strict=True))
        recall = [float((pitch_classes(a, codec.sample_rate) * pitch_classes(b, codec.sample_rate)).sum(0).mean()) / 3 for a, b in pairs]
        result[f"spectral_distance{name}"] = float(np.mean([float(spectral_distance(a[None], b[None])) for a, b in pairs]))
        result[f"mel_error_db{name}"] = float(np.mean([mel_error_db(a, b, codec.sample_rate) for a, b in pairs]))
        result[f"pitch_class_recall{name}"] = float(np.mean(recall))
    return result
