"""The cached decoder of Algorithms 2 and 3: a noisy block, its noise level and cached keys and values -> velocity."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lmdm_export.graphs.spec import GraphSpec
from lmdm_export.graphs.window import cached_inputs, control_inputs, cross_inputs, noisy_additive, pairs
from lmdm_train.model.attention import LayerKV
from lmdm_train.model.dit import Conditioning
from lmdm_train.model.instrument import Instrument
from lmdm_train.model.routing import visible_context


class CachedDecoder(nn.Module):
    """`x` [1, C, o] at noise level `t` [1] -> velocity [B, C, o]; with guidance item 0 is conditional and item 1 null."""

    def __init__(self, instrument: Instrument, batch: int) -> None:
        super().__init__()
        self.dit, self.config, self.batch = instrument.dit, instrument.config, batch
        self.visible = visible_context(self.config.pattern, self.config.layout)

    def forward(self, x: Tensor, t: Tensor, global_embed: Tensor, *rest: Tensor) -> Tensor:
        count, depth = len(self.config.dit.controls), self.config.dit.depth
        controls, cross, cache = rest[:count], rest[count : count + 2 * depth], pairs(rest[count + 2 * depth :])
        s, window = self.config.layout.context, self.config.layout.window
        if self.visible < s:
            cache = tuple(LayerKV(kv.k[:, :, s - self.visible :], kv.v[:, :, s - self.visible :]) for kv in cache)
        return self.dit.decode_block(
            x.expand(self.batch, -1, -1),
            t,
            Conditioning(pairs(cross), global_embed.expand(self.batch, -1)),
            cache,
            additive=noisy_additive(self.config.dit, self.config.layout.block, controls),
            positions=torch.arange(s + 1, window + 1),
        )


def cached_decoder(instrument: Instrument, batch: int) -> GraphSpec:
    """The graph `cached_decoder`."""
    config = instrument.config
    inputs = {
        "x": torch.zeros(1, config.dit.latent_channels, config.layout.block),
        "t": torch.ones(1),
        "global_embed": torch.zeros(1, config.dit.width),
        **control_inputs(config.dit, config.layout.block),
        **cross_inputs(config, batch),
        **cached_inputs(config, batch),
    }
    return GraphSpec("cached_decoder", CachedDecoder(instrument, batch), inputs, ("velocity",))
