"""The context encoder, v^KV of Algorithms 2 and 3: clean frames -> keys and values that serve every denoising step of a block."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lmdm_export.graphs.spec import GraphSpec, layer_names, paired_names
from lmdm_export.graphs.window import cached_inputs, clean_additive, control_inputs, cross_inputs, pairs
from lmdm_train.model.attention import LayerKV
from lmdm_train.model.dit import Conditioning
from lmdm_train.model.instrument import Instrument


class _ContextGraph(nn.Module):
    """What both patterns share. The global embedding is unused: clean frames see no global token."""

    def __init__(self, instrument: Instrument, batch: int) -> None:
        super().__init__()
        self.dit, self.config, self.batch = instrument.dit, instrument.config, batch

    def additive(self, context: Tensor, controls: tuple[Tensor, ...]) -> Tensor:
        return clean_additive(self.config.dit, context, controls).expand(self.batch, -1, -1)

    def conditioning(self, cross: tuple[Tensor, ...]) -> Conditioning:
        return Conditioning(pairs(cross), torch.empty(0))


class WindowContextEncoder(_ContextGraph):
    """Encoder-decoder: the whole context [1, C, s] -> rotated keys and values [B, H, s, D]."""

    def forward(self, context: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        controls, cross = rest[: len(self.config.dit.controls)], rest[len(self.config.dit.controls) :]
        positions = torch.arange(1, self.config.layout.context + 1)
        raw = self.dit.encode_context(self.additive(context, controls), self.conditioning(cross), positions)
        return tuple(part for kv in self.dit.rotate(raw, positions) for part in kv)


class BlockContextEncoder(_ContextGraph):
    """Block-causal: the newest block [1, C, o] and the cache -> the cache moved on by o, and its keys rotated to 1..s.

    The cache holds keys without rotation, so that positions stay inside the window for hours on end.
    """

    def forward(self, context: Tensor, past_frames: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        count, depth = len(self.config.dit.controls), self.config.dit.depth
        controls, cross, cache = rest[:count], rest[count : count + 2 * depth], pairs(rest[count + 2 * depth :])
        s, o = self.config.layout.context, self.config.layout.block
        past = (self.config.pattern.window_chunks - 1) * o
        chunk = self.dit.encode_context(
            self.additive(context, controls),
            self.conditioning(cross),
            torch.arange(s - o + 1, s + 1),
            past=[LayerKV(kv.k[:, :, s - past :], kv.v[:, :, s - past :]) for kv in cache],
            past_positions=torch.arange(s - o - past + 1, s - o + 1),
            past_valid=past_frames,
        )
        slid = tuple(
            LayerKV(torch.cat((old.k[:, :, o:], new.k), dim=2), torch.cat((old.v[:, :, o:], new.v), dim=2))
            for old, new in zip(cache, chunk, strict=True)
        )
        rotated = self.dit.rotate(slid, torch.arange(1, s + 1))
        return (*(part for kv in slid for part in kv), *(kv.k for kv in rotated))


def context_encoder(instrument: Instrument, batch: int) -> GraphSpec:
    """The graph `context_encoder` of the instrument's pattern."""
    config = instrument.config
    depth, channels = config.dit.depth, config.dit.latent_channels
    if config.pattern.kind == "encoder-decoder":
        frames = config.layout.context
        inputs = {"context": torch.zeros(1, channels, frames), **control_inputs(config.dit, frames), **cross_inputs(config, batch)}
        return GraphSpec("context_encoder", WindowContextEncoder(instrument, batch), inputs, paired_names("self_k", "self_v", depth))
    inputs = {
        "context": torch.zeros(1, channels, config.layout.block),
        "past_frames": torch.zeros(1, dtype=torch.int64),
        **control_inputs(config.dit, config.layout.block),
        **cross_inputs(config, batch),
        **cached_inputs(config, batch, "raw_k"),
    }
    slid = tuple(f"{name}_out" for name in paired_names("raw_k", "self_v", depth))
    return GraphSpec("context_encoder", BlockContextEncoder(instrument, batch), inputs, (*slid, *layer_names("self_k", depth)))
