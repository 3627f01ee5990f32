"""Windows framed by whole hops are those of torch's `unfold`, sample by sample, and so is all that is computed from them."""

from __future__ import annotations

import pytest
import torch

from lmdm_train.codec import spectral
from lmdm_train.codec.spectral import SpectralCodec
from lmdm_train.config import SpectralConfig
from lmdm_train.control import LoudnessControl, PitchControl, loudness, pitch
from lmdm_train.framing import windows


def unfolded(audio: torch.Tensor, size: int, hop: int) -> torch.Tensor:
    return audio.unfold(-1, size, hop)


@pytest.mark.parametrize(("size", "hop", "samples"), [(8, 2, 20), (8, 8, 24), (8, 4, 8), (1024, 512, 4096), (8, 3, 20), (8, 2, 21)])
def test_windows_are_those_of_unfold(size: int, hop: int, samples: int) -> None:
    audio = torch.randn(3, samples)
    assert torch.equal(windows(audio, size, hop), unfolded(audio, size, hop))
    assert not torch.equal(windows(audio.flip(-1), size, hop), unfolded(audio, size, hop))


@torch.no_grad()
@pytest.mark.parametrize("batch", [1, 2])
def test_features_are_those_of_gathered_windows(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SpectralConfig(latent_channels=4, hidden=16)
    codec = SpectralCodec(config)
    rate, frame = config.sample_rate, config.frame_size
    analyses = {
        codec.features: config.longest_window - codec.hop,
        **{control.analyser(rate, frame): control.analyser(rate, frame).history for control in (PitchControl(), LoudnessControl())},
    }
    audio = {analysis: torch.randn(batch, history + 8 * frame) for analysis, history in analyses.items()}
    framed = {analysis: analysis(audio[analysis]) for analysis in analyses}
    for module in (spectral, pitch, loudness):
        monkeypatch.setattr(module, "windows", unfolded)
    for analysis, values in framed.items():
        assert torch.equal(values, analysis(audio[analysis]))
