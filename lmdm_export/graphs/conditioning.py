"""Graphs that run when a prompt changes: text encoder and conditioner."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lmdm_export.graphs.spec import GraphSpec, paired_names
from lmdm_train.model.instrument import Instrument
from lmdm_train.sampling.guidance import Guidance


class TextEncoder(nn.Module):
    """Token ids [1, T-1] and mask -> embedding [1, T-1, W], zero where the mask is."""

    def __init__(self, instrument: Instrument) -> None:
        super().__init__()
        # Registered by name, since a T5 encoder is no child of the conditioner.
        self.text_encoder = instrument.conditioner.text_encoder

    def forward(self, token_ids: Tensor, token_mask: Tensor) -> Tensor:
        return self.text_encoder(token_ids, token_mask) * token_mask[..., None]


class ConditionerGraph(nn.Module):
    """Embedding [1, T-1, W] and seconds [1] -> cross-attention keys and values of every layer [B, H, T, D], global embedding [1, w].

    All that is constant over denoising steps and blocks is computed here, once a prompt.
    """

    def __init__(self, instrument: Instrument, guidance: Guidance) -> None:
        super().__init__()
        self.conditioner, self.dit, self.guidance = instrument.conditioner, instrument.dit, guidance

    def forward(self, embedding: Tensor, seconds: Tensor) -> tuple[Tensor, ...]:
        cross_tokens, global_cond = self.conditioner.tokens(embedding, seconds)
        made = self.dit.condition(self.guidance.null_text(cross_tokens), global_cond)
        return (*(part for kv in made.cross for part in kv), made.global_embed)


def text_encoder(instrument: Instrument) -> GraphSpec:
    """The graph `text_encoder`."""
    tokens = instrument.config.text.tokens
    inputs = {"token_ids": torch.zeros(1, tokens, dtype=torch.int64), "token_mask": torch.ones(1, tokens)}
    return GraphSpec("text_encoder", TextEncoder(instrument), inputs, ("embedding",))


def conditioner(instrument: Instrument, guidance: Guidance) -> GraphSpec:
    """The graph `conditioner`."""
    config = instrument.config
    inputs = {"embedding": torch.zeros(1, config.text.tokens, config.text.width), "seconds": torch.full((1,), config.seconds_total)}
    outputs = (*paired_names("cross_k", "cross_v", config.dit.depth), "global_embed")
    return GraphSpec("conditioner", ConditionerGraph(instrument, guidance), inputs, outputs)
