"""The flow-matching loss: one gradient on both paths, the right frames, the right condition."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from lmdm_train.config import InstrumentConfig, Layout, Pattern
from lmdm_train.control.sketch import raw_features
from lmdm_train.data.batch import Batch
from lmdm_train.errors import ModelError
from lmdm_train.flow.draw import Draw, draw
from lmdm_train.flow.dropout import ContextDropout
from lmdm_train.flow.loss import cached_velocity, flow_loss, masked_velocity, target_error
from lmdm_train.flow.settings import FlowSettings
from lmdm_train.model.dit import DiT
from lmdm_train.model.instrument import Instrument
from lmdm_train.model.routing import additive_input, allowed_mask, router_mask
from lmdm_train.presets import preset
from tests.small_instruments import PROMPTS, small_instrument

SETTINGS = FlowSettings(targets=3, context_noise=0.1)


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    """Two paths round differently; in double precision a difference beyond 1e-10 is a mistake and no rounding."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def instrument(name: InstrumentConfig | str) -> Instrument:
    return small_instrument(name).double().requires_grad_(True)


def bidirectional(name: str = "tiny", *, context: bool = False, first: bool = False) -> InstrumentConfig:
    config = preset(name)
    kept = config.dit.additive if context else config.dit.controls
    dit = config.dit.model_copy(update={"additive": kept, "global_token": "first" if first else "last"})
    return config.model_copy(update={"dit": dit, "pattern": Pattern(kind="bidirectional")})


def batch(config: InstrumentConfig, items: int = 4, extra: int = 0, lengths: Tensor | None = None) -> Batch:
    generator = torch.Generator().manual_seed(3)
    length = config.layout.window + extra
    audio = torch.randn(items, length * config.codec.frame_size, generator=generator, dtype=torch.float32)
    sketches = any(control.kind in ("pitch", "loudness") for control in config.controls)
    return Batch(
        frames=torch.randn(items, config.dit.latent_channels, length, generator=generator),
        prompts=[PROMPTS[i % len(PROMPTS)] for i in range(items)],
        seconds=torch.full((items,), 3.0),
        features=raw_features(config, audio) if sketches else {},
        accompaniment=torch.randn(items, config.dit.latent_channels, length, generator=generator),
        lengths=lengths,
    )


def drawn(model: Instrument, settings: FlowSettings = SETTINGS, seed: int = 0, **more: object) -> Draw:
    torch.manual_seed(seed)
    return draw(model, batch(model.config, **more), settings, random.Random(seed))  # type: ignore[arg-type]


def gradients(model: Instrument, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The largest difference of any parameter's gradient, relative to that gradient's size.

    Some are zero but for rounding, such as the shift of unrotated keys, which a softmax cannot see: hence the floor.
    """
    assert set(one) == set(other)
    return max(float((one[name] - other[name]).abs().max() / one[name].abs().max().clamp(min=1e-6)) for name in one)


@pytest.mark.parametrize("name", ["tiny", "tiny-sketch", "tiny-accompaniment"])
def test_gradient_through_the_cache_is_the_gradient_through_the_mask(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paper §4.1: context keys and values depend on clean frames and text alone, so that training may compute them once."""
    model = instrument(name)

    def through(path: str) -> tuple[Tensor, dict[str, Tensor]]:
        torch.manual_seed(0)
        loss = flow_loss(model, batch(model.config), SETTINGS.model_copy(update={"path": path}), random.Random(0))["loss"]
        return loss.detach(), gradients(model, loss)

    loss, cached = through("cached")
    same, masked = through("masked")
    assert torch.allclose(loss, same, rtol=1e-12, atol=0)
    assert distance(cached, masked) < 1e-9
    assert {name for name in cached if not name.startswith("codec.")} == {
        name for name, _ in model.named_parameters() if not name.startswith("codec.")
    }

    rotate = DiT.rotate
    monkeypatch.setattr(DiT, "rotate", lambda self, raw, positions: rotate(self, raw, positions + 1))
    assert distance(through("cached")[1], masked) > 1e-3
    monkeypatch.undo()
    monkeypatch.setattr("lmdm_train.flow.loss.allowed_mask", lambda pattern, layout: allowed_mask(Pattern(kind="bidirectional"), layout))
    assert distance(cached, through("masked")[1]) > 1e-3


def test_noise_draws_share_their_context() -> None:
    """Three draws of four windows through one context pass equal twelve windows with one draw each."""
    model = instrument("tiny-sketch")
    many = drawn(model)
    assert many.t.shape == (12,)
    one = dataclasses.replace(
        many,
        frames=many.frames.repeat_interleave(3, dim=0),
        cross_tokens=many.cross_tokens.repeat_interleave(3, dim=0),
        global_cond=many.global_cond.repeat_interleave(3, dim=0),
        additive=None if many.additive is None else many.additive.repeat_interleave(3, dim=0),
    )
    assert torch.allclose(cached_velocity(model, many), cached_velocity(model, one), atol=1e-12)
    assert torch.allclose(target_error(many, cached_velocity(model, many)), target_error(one, cached_velocity(model, one)), rtol=1e-12)
    assert not torch.allclose(many.t, many.t.roll(1))


@pytest.mark.parametrize("name", ["tiny", "tiny-bc"])
def test_the_target_is_noised_and_the_aim_is_its_velocity(name: str) -> None:
    """Eq. 1: from x_t, following `ε - x` back for a time t arrives at the data, and forward for 1 - t at the noise."""
    model = instrument(name)
    layout = model.config.layout
    d = drawn(model)
    target = batch(model.config).frames[..., layout.context :].repeat_interleave(3, dim=0)
    t = d.t[:, None, None]
    assert torch.allclose(d.noisy - t * d.aim, target)
    assert torch.allclose(d.noisy + (1 - t) * d.aim, d.noise)
    assert d.noisy.shape[-1] == layout.block


@pytest.mark.parametrize("sees_all", [False, True])
def test_block_causal_trains_through_its_mask(sees_all: bool) -> None:
    config = preset("tiny-bc")
    config = config.model_copy(update={"pattern": config.pattern.model_copy(update={"cached_target_sees_all": sees_all})})
    model = instrument(config)
    layout, d = config.layout, drawn(model)
    window = torch.cat((torch.randn(12, 8, layout.context), d.noisy), dim=-1)
    additive = additive_input(config.dit, d.frames[..., : layout.context], None, layout).repeat_interleave(3, dim=0)

    def by_hand(pattern: Pattern) -> Tensor:
        return model.dit(
            window,
            d.t,
            d.cross_tokens.repeat_interleave(3, dim=0),
            d.global_cond.repeat_interleave(3, dim=0),
            additive=additive,
            router=router_mask(layout).double(),
            allowed=allowed_mask(pattern, layout),
        )[..., layout.context :]

    velocity = masked_velocity(model, d)
    other = config.pattern.model_copy(update={"cached_target_sees_all": not sees_all})
    assert torch.allclose(velocity, by_hand(config.pattern), atol=1e-10)
    assert not torch.allclose(velocity, by_hand(other), atol=1e-4)
    with pytest.raises(ModelError, match="found block-causal"):
        flow_loss(model, batch(config), SETTINGS.model_copy(update={"path": "cached"}), random.Random(0))


@pytest.mark.parametrize("first", [False, True])
def test_a_base_model_trains_on_every_frame(first: bool) -> None:
    model = instrument(bidirectional(first=first))
    d = drawn(model)
    assert d.first == 0
    assert d.additive is None
    velocity = masked_velocity(model, d)
    assert velocity.shape == d.aim.shape == (12, 8, model.config.layout.window)
    assert torch.allclose(target_error(d, velocity), (velocity - (d.noise - d.data)).square().mean())
    # Where the global token stands is a matter of order alone: positions, and so the function, are the same.
    other = instrument(bidirectional(first=not first))
    assert torch.allclose(masked_velocity(other, d), velocity, atol=1e-10)


def test_bidirectional_outpainting_noises_its_context_and_learns_the_target() -> None:
    """Algorithm 1 without router: the context is given twice, clean and at the noise level of the target."""
    model = instrument(bidirectional(context=True))
    layout, d = model.config.layout, drawn(model)
    assert d.noise.shape[-1] == layout.window
    assert d.aim.shape[-1] == layout.block
    assert masked_velocity(model, d).shape == d.aim.shape
    clean = d.frames[..., : layout.context].repeat_interleave(3, dim=0)
    t = d.t[:, None, None]
    assert torch.allclose(d.noisy[..., : layout.context], (1 - t) * clean + t * d.noise[..., : layout.context])


def test_padding_is_not_learnt_from() -> None:
    """Facts sheet §8, 16: frames past an item's end must not count, wherever they lie."""
    model = instrument("tiny")
    layout = model.config.layout
    lengths = torch.tensor([layout.window, layout.context + 1, layout.context, 3])
    d = drawn(model, lengths=lengths)
    velocity = torch.zeros_like(d.aim)
    expected = torch.cat([d.aim[0:3].flatten(), d.aim[3:6, :, :1].flatten()]).square().mean()
    assert torch.allclose(target_error(d, velocity), expected)
    assert not torch.allclose(d.aim.square().mean(), expected)
    nothing = drawn(model, lengths=torch.zeros(4, dtype=torch.int64))
    assert float(target_error(nothing, velocity)) == 0


def test_null_contexts_keep_their_mask_and_lose_their_frames() -> None:
    model = instrument("tiny-sketch")
    s = model.config.layout.context
    null = drawn(model, FlowSettings(context=ContextDropout(p_uncond=1.0, p_partial=0.0), context_noise=0.5))
    kept = drawn(model, FlowSettings(context=ContextDropout(p_uncond=0.0, p_partial=0.0)))
    assert null.additive is not None
    assert kept.additive is not None
    assert bool((null.additive[:, 0, :s] == 1).all())
    assert bool((null.additive[:, 1:9] == 0).all())
    assert torch.equal(kept.additive[:, 1:9, :s], batch(model.config).frames[..., :s])
    # The target is never nulled.
    assert torch.equal(null.frames[..., s:], kept.frames[..., s:])


def test_a_sketch_has_no_history_in_half_of_the_null_contexts() -> None:
    model = instrument("tiny-sketch")
    s = model.config.layout.context
    presence = [group.name for group in model.config.dit.additive].index("loudness")
    channel = sum(group.channels for group in model.config.dit.additive[:presence])
    always = FlowSettings(context=ContextDropout(p_uncond=1.0, p_partial=0.0))
    seen = drawn(model, always.model_copy(update={"history_dropout": 0.5}), items=80).additive
    assert seen is not None
    present = seen[:, channel, s] == 1
    history = seen[:, channel, 0] == 1
    assert 0.35 < float(history[present].double().mean()) < 0.65
    assert not bool(history[~present].any())


def test_the_text_is_dropped_and_the_global_token_is_not() -> None:
    model = instrument("tiny")
    d = drawn(model, FlowSettings(text_dropout=1.0))
    assert bool((d.cross_tokens == 0).all())
    assert bool((d.global_cond != 0).any())
    assert bool((drawn(model, FlowSettings(text_dropout=0.0)).cross_tokens != 0).any())


def test_the_window_is_the_end_of_a_longer_crop() -> None:
    model = instrument("tiny-accompaniment")
    settings = FlowSettings(context=ContextDropout(p_uncond=0, p_partial=0))
    longer = drawn(model, settings, extra=5)
    assert torch.equal(longer.frames, batch(model.config, extra=5).frames[..., 5:])
    short = dataclasses.replace(batch(model.config), frames=torch.randn(4, 8, 7))
    with pytest.raises(ModelError, match=r"the crops have 7 frames, layout 12/4 needs 16"):
        draw(model, short, settings, random.Random(0))


def test_accompaniment_is_hidden_from_its_cutoff_on() -> None:
    model = instrument("tiny-accompaniment")
    settings = FlowSettings(context=ContextDropout(p_uncond=1, p_partial=0))
    additive = drawn(model, settings, items=20).additive
    assert additive is not None
    mask = additive[:, 9]
    assert bool((mask[:, 10:] == 0).all())
    assert bool((mask[:, :10] == 1).any(dim=1).sum() > 10)
    assert bool((additive[:, 10:, 10:] == 0).all())


def test_a_routed_pattern_without_a_context_input_is_refused() -> None:
    config = preset("tiny")
    config = config.model_copy(update={"dit": config.dit.model_copy(update={"additive": ()}), "layout": Layout(context=12, block=4)})
    with pytest.raises(ModelError, match="has no input inpaint_masked_input"):
        draw(instrument(config), batch(config), SETTINGS, random.Random(0))
