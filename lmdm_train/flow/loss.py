"""The flow-matching loss (paper Eq. 1) through the network's two forms: one masked forward, or context encoder and cached decoder."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from lmdm_train.config import InstrumentConfig
from lmdm_train.data.batch import Batch
from lmdm_train.errors import ModelError
from lmdm_train.flow.draw import Draw, draw
from lmdm_train.flow.settings import FlowSettings
from lmdm_train.model.attention import LayerKV
from lmdm_train.model.dit import Conditioning
from lmdm_train.model.instrument import Instrument
from lmdm_train.model.routing import allowed_mask, router_mask


def flow_loss(instrument: Instrument, batch: Batch, settings: FlowSettings, rng: random.Random) -> dict[str, Tensor]:
    """`loss`: mean squared error of the velocity on the real target frames, over all noise draws.

    Noise comes from torch's global generator, every other chance from `rng`.

    Raises:
        ModelError: the crops or the settings do not suit the network.
    """
    path = chosen_path(instrument.config, settings)
    drawn = draw(instrument, batch, settings, rng)
    velocity = cached_velocity(instrument, drawn) if path == "cached" else masked_velocity(instrument, drawn)
    return {"loss": target_error(drawn, velocity)}


def chosen_path(config: InstrumentConfig, settings: FlowSettings) -> str:
    """`cached` or `masked`.

    Raises:
        ModelError: the cached path was asked for and the pattern is not encoder-decoder.
    """
    kind = config.pattern.kind
    if settings.path == "auto":
        return "cached" if kind == "encoder-decoder" else "masked"
    if settings.path == "cached" and kind != "encoder-decoder":
        raise ModelError(f"the cached path trains the encoder-decoder pattern, found {kind}; set flow.path to masked")
    return settings.path


def target_error(drawn: Draw, velocity: Tensor) -> Tensor:
    """Mean over channels, frames and draws of the squared error of a velocity [N, C, o] on the target frames; padding does not count."""
    # Under mixed precision the velocity arrives in half precision, which a sum of many squares outgrows.
    error = (velocity.to(drawn.t.dtype) - drawn.aim).square().mean(dim=1, keepdim=True)
    if drawn.weight is None:
        return error.mean()
    return (error * drawn.weight).sum() / drawn.weight.sum().clamp(min=1)


def masked_velocity(instrument: Instrument, drawn: Draw) -> Tensor:
    """Velocity of the target frames [N, C, o] by one forward over the window, with router and mask if the pattern routes."""
    config, layout = instrument.config, instrument.config.layout
    x, many = drawn.noisy, drawn.targets
    router = allowed = None
    if config.pattern.kind != "bidirectional":
        # The router deletes the noisy branch of context frames, so that what stands there is of no consequence.
        x = torch.nn.functional.pad(x, (layout.context, 0))
        router, allowed = router_mask(layout).to(x), allowed_mask(config.pattern, layout).to(x.device)
    velocity = instrument.dit(
        x,
        drawn.t,
        drawn.cross_tokens.repeat_interleave(many, dim=0),
        drawn.global_cond.repeat_interleave(many, dim=0),
        additive=None if drawn.additive is None else drawn.additive.repeat_interleave(many, dim=0),
        router=router,
        allowed=allowed,
    )
    return velocity[..., drawn.first :]


def cached_velocity(instrument: Instrument, drawn: Draw) -> Tensor:
    """The same for the encoder-decoder pattern, with one context pass for all noise draws of a window (Algorithm 2, in training)."""
    dit, s, many = instrument.dit, instrument.config.layout.context, drawn.targets
    assert drawn.additive is not None, "a routed pattern has an additive input"
    conditioning = dit.condition(drawn.cross_tokens, drawn.global_cond)
    positions = torch.arange(1, instrument.config.layout.window + 1, device=drawn.t.device)
    cache = dit.rotate(dit.encode_context(drawn.additive[..., :s], conditioning, positions[:s]), positions[:s])

    def spread(kv: LayerKV) -> LayerKV:
        return LayerKV(kv.k.repeat_interleave(many, dim=0), kv.v.repeat_interleave(many, dim=0))

    wide = Conditioning(tuple(spread(kv) for kv in conditioning.cross), conditioning.global_embed.repeat_interleave(many, dim=0))
    controls = drawn.additive[..., s:].repeat_interleave(many, dim=0)
    return dit.decode_block(drawn.noisy, drawn.t, wide, [spread(kv) for kv in cache], additive=controls, positions=positions[s:])
