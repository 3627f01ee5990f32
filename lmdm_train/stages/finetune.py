"""Fine-tune stage: flow matching on the target block only (paper Eq. 1 and §4.1.1), through the cached path."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lmdm_train.data.frames import EncodedTrack, draw_windows
from lmdm_train.errors import ModelError
from lmdm_train.model.attention import LayerKV
from lmdm_train.model.dit import Conditioning
from lmdm_train.model.instrument import Instrument
from lmdm_train.model.routing import additive_input
from lmdm_train.stages.loop import scheduled_steps


@dataclass(frozen=True)
class FineTuning:
    """Settings of the fine-tune stage.

    `targets` noise draws share one context pass, since the context does not depend on the noise level. `p_uncond` and
    `p_partial` are the shares of null and partially null contexts, `text_dropout` that of null prompts, and `ema` the decay of
    the averaged weights that are kept.
    """

    steps: int = 6000
    batch: int = 16
    targets: int = 4
    learning_rate: float = 1e-3
    p_uncond: float = 0.1
    p_partial: float = 0.2
    text_dropout: float = 0.1
    context_noise: float = 0.1
    ema: float = 0.998
    seed: int = 0


def drop_context(context: Tensor, p_uncond: float, p_partial: float, rng: random.Random) -> Tensor:
    """Null and partially null contexts: the first n frames of an item become zero latents, their mask stays 1 (facts sheet §2).

    context [B, C, s]; n is s with `p_uncond` and uniform in 1..s-1 with `p_partial`.
    """
    batch, _, length = context.shape
    lengths = []
    for _ in range(batch):
        u = rng.random()
        lengths.append(length if u < p_uncond else rng.randrange(1, length) if u < p_uncond + p_partial else 0)
    keep = torch.arange(length)[None, :] >= torch.tensor(lengths)[:, None]
    return context * keep[:, None, :]


def flow_matching_loss(
    instrument: Instrument, windows: Tensor, prompts: Sequence[str], settings: FineTuning, rng: random.Random, *, mask_text: bool = True
) -> Tensor:
    """Mean squared error of the velocity on the target block (Eq. 1), `settings.targets` noise draws an item.

    windows [B, C, window]; noise levels are logit-normal, stratified over the batch.
    """
    config, dit = instrument.config, instrument.dit
    layout, many = config.layout, settings.targets
    batch = windows.shape[0]
    context = drop_context(windows[:, :, : layout.context], settings.p_uncond, settings.p_partial, rng)
    # A little noise on clean frames stands for the errors of the model's own past, which it will be conditioned on.
    context = context + settings.context_noise * rng.random() * torch.randn_like(context) * (context != 0)
    target = windows[:, :, layout.context :].repeat_interleave(many, dim=0)

    ids, mask = instrument.conditioner.tokenize(list(prompts))
    cross_tokens, global_cond = instrument.conditioner.tokens(
        instrument.conditioner.encode_text(ids, mask), torch.full((batch,), config.seconds_total)
    )
    if mask_text:
        cross_tokens = cross_tokens * (torch.rand(batch, 1, 1) >= settings.text_dropout)
    conditioning = dit.condition(cross_tokens, global_cond)
    additive = additive_input(config.dit, context, None, layout)[:, :, : layout.context]
    positions = torch.arange(1, layout.window + 1)
    raw = dit.encode_context(additive, conditioning, positions[: layout.context])
    cache = dit.rotate(raw, positions[: layout.context])

    def spread(kv: LayerKV) -> LayerKV:
        return LayerKV(kv.k.repeat_interleave(many, dim=0), kv.v.repeat_interleave(many, dim=0))

    wide = Conditioning(tuple(spread(kv) for kv in conditioning.cross), conditioning.global_embed.repeat_interleave(many, dim=0))
    strata = (torch.randperm(batch * many) + torch.rand(batch * many)) / (batch * many)
    t = torch.sigmoid(torch.special.ndtri(strata.clamp(1e-4, 1 - 1e-4)))
    noise = torch.randn_like(target)
    noisy = (1 - t[:, None, None]) * target + t[:, None, None] * noise
    velocity = dit.decode_block(noisy, t, wide, [spread(kv) for kv in cache], positions=positions[layout.context :])
    return (velocity - (noise - target)).square().mean()


class Average:
    """Exponential moving average of parameters, with a warm-up so that early weights fade at once."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module, self.decay, self.updates = copy.deepcopy(module).eval().requires_grad_(False), decay, 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards the present weights."""
        self.updates += 1
        share = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        for mine, theirs in zip(self.module.parameters(), module.parameters(), strict=True):
            mine.lerp_(theirs, share)


def fine_tune(
    instrument: Instrument,
    music: Sequence[EncodedTrack],
    settings: FineTuning,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
    seconds: float | None = None,
    average: Average | None = None,
) -> Average:
    """Train network and conditioner; returns the averaged instrument. The codec stays as it is.

    Ends at `steps`, or when `seconds` have passed; the learning rate falls as a cosine over whichever comes first.

    Raises:
        ModelError: the pattern is not encoder-decoder, whose cached path this stage trains.
    """
    if instrument.config.pattern.kind != "encoder-decoder":
        raise ModelError(f"the fine-tune stage trains the encoder-decoder pattern, found {instrument.config.pattern.kind}")
    rng = random.Random(settings.seed)
    torch.manual_seed(settings.seed)
    instrument.codec.requires_grad_(False).eval()
    trained = [p for p in instrument.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    average = average or Average(instrument, settings.ema)
    instrument.dit.train()
    for step in scheduled_steps(optimiser, settings.steps, settings.learning_rate, warm_up=100, seconds=seconds):
        windows, prompts = draw_windows(music, settings.batch, instrument.config.layout.window, rng)
        loss = flow_matching_loss(instrument, windows, prompts, settings, rng)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        average.update(instrument)
        on_step(step, loss.item())
    instrument.eval()
    return average
