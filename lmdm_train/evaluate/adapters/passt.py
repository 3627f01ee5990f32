"""KL-PaSST: divergence between what the tagger PaSST hears in each reference file and in the generated file of its name (paper A.1)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.adapters.base import Adapter, Request
from lmdm_train.evaluate.adapters.needs import Weights, fit, read_weights
from lmdm_train.evaluate.adapters.passt_front import RATE, LogMel
from lmdm_train.evaluate.adapters.passt_net import Passt
from lmdm_train.evaluate.adapters.scores import class_probabilities, kl_divergence
from lmdm_train.evaluate.adapters.sounds import Array, mono, pairs

WINDOW_SECONDS, HOP_SECONDS, SHORTEST_SHARE = 10, 5, 0.15


class PasstDivergence(Adapter):
    """As stable-audio-metrics, src/passt_kld.py: mono at 32 kHz, peak at -1 dB, windows of 10 s every 5 s, logits averaged over the
    windows, softmax, KL(generated ‖ reference), averaged over the files.
    """

    name = "kl-passt"
    title = "KL-PaSST"
    better = "lower"
    packages = ()
    weights = Weights(
        ("passt-s-f128-p16-s10-ap.476-swa.safetensors", "passt-s-f128-p16-s10-ap.476-swa.pt"),
        "release v0.0.1-audioset of github.com/kkoutini/PaSST",
    )

    def load(self, weights: Path, device: str) -> nn.Module:
        network = build()
        fit(network[1], read_weights(weights), weights)
        return network.eval().to(device)

    def measure(self, network: nn.Module, request: Request) -> dict[str, float | int]:
        assert request.reference is not None
        both = pairs(request.reference, request.generated)
        distances = []
        for heard, (real, made) in enumerate(both.values(), 1):
            probabilities = [class_probabilities(tag(network, mono(path, RATE), request.device)) for path in (real, made)]
            distances.append(kl_divergence(*probabilities))
            request.tick(2 * heard)
        return {"value": float(np.mean(distances)), "spread": float(np.std(distances)), "pairs": len(both)}


def build() -> nn.Sequential:
    """Front end and network, the latter with random weights."""
    return nn.Sequential(LogMel(), Passt())


@torch.no_grad()
def tag(network: nn.Module, audio: Array, device: str = "cpu") -> Tensor:
    """Mono audio [samples] at 32 kHz -> logits [windows, 527].

    Raises:
        LmdmTrainError: shorter than 1.5 s, of which a window of 10 s would be silence for the most part.
    """
    return torch.cat([network(torch.from_numpy(window[None]).float().to(device)).cpu() for window in cut(audio)])


def cut(audio: Array) -> Array:
    """[samples] -> [windows, 10 s], one every 5 s while more than 5 s are left, the last filled with zeros."""
    size, hop = WINDOW_SECONDS * RATE, HOP_SECONDS * RATE
    if len(audio) <= SHORTEST_SHARE * size:
        raise LmdmTrainError(
            f"a file of {len(audio) / RATE:.2f} s is too short for PaSST; give more than {SHORTEST_SHARE * WINDOW_SECONDS} s"
        )
    starts = range(0, max(hop, len(audio) - hop), hop)
    return np.stack([np.pad(audio[at : at + size], (0, max(0, at + size - len(audio)))) for at in starts])
