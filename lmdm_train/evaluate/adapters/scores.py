"""The arithmetic of the published metrics on what their networks return. Fréchet distance: `evaluate.distance`."""

from __future__ import annotations

import torch
from torch import Tensor

from lmdm_train.errors import LmdmTrainError

EPSILON = 1e-6


def class_probabilities(logits: Tensor) -> Tensor:
    """Logits [windows, classes] -> [classes]: softmax of their mean over the windows.

    Source: stable-audio-metrics, src/passt_kld.py, `collect="mean"`; a tagger's own output would be a sigmoid.
    """
    return logits.double().mean(dim=0).softmax(dim=0)


def kl_divergence(reference: Tensor, generated: Tensor) -> float:
    """`Σ g (log g - log(r + 1e-6))` in nats, of probabilities [classes]: how far the generated lies from the reference.

    Source: stable-audio-metrics, src/passt_kld.py: `F.kl_div((ref + 1e-6).log(), eval, reduction="sum")`, which is KL(generated‖reference).
    """
    return float(torch.nn.functional.kl_div((reference + EPSILON).log(), generated, reduction="sum"))


def mean_cosine(audio: Tensor, text: Tensor) -> float:
    """Mean over items of the cosine between embeddings [items, D] each (stable-audio-metrics, src/clap_score.py).

    Raises:
        LmdmTrainError: the shapes differ.
    """
    if audio.shape != text.shape:
        raise LmdmTrainError(f"embeddings of audio have shape {list(audio.shape)} and those of text {list(text.shape)}; expected one shape")
    return float(torch.nn.functional.cosine_similarity(audio, text, dim=1, eps=1e-8).mean())
