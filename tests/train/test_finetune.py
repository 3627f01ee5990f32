"""The fine-tune stage: its gradient is the masked forward's, it learns, and its settings do what they say."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from lmdm_train.config import InstrumentConfig, Pattern
from lmdm_train.data.captions import train_tokenizer
from lmdm_train.data.frames import EncodedTrack, draw_windows
from lmdm_train.data.music import Track
from lmdm_train.errors import ModelError
from lmdm_train.model.instrument import Instrument
from lmdm_train.model.routing import additive_input, allowed_mask, router_mask
from lmdm_train.presets import preset
from lmdm_train.stages.finetune import Average, FineTuning, drop_context, fine_tune, flow_matching_loss
from lmdm_train.stages.loop import scheduled_steps

PROMPTS = ["jazz in c minor with piano", "techno without drums", "rock with organ and drums", "pop with flute"]
TOKENIZER = train_tokenizer(PROMPTS * 8, 60)


def small(seed: int = 0) -> Instrument:
    torch.manual_seed(seed)
    instrument = Instrument(preset("tiny"), tokenizer=TOKENIZER)
    with torch.no_grad():
        for parameter in instrument.dit.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    return instrument


def music(count: int = 4, length: int = 40) -> list[EncodedTrack]:
    generator = torch.Generator().manual_seed(5)
    facts = {"style": "jazz", "key": "C", "mode": "minor", "bpm": 120, "stems": {}, "seed": 0}
    tracks = [Track(Path(), {**facts, "prompt": prompt}) for prompt in PROMPTS[:count]]
    return [EncodedTrack(track, torch.randn(8, length, generator=generator)) for track in tracks]


def test_gradient_through_the_cache_is_the_gradient_through_the_mask():
    """Paper §4.1: context K/V depend on clean frames alone, so training may encode them once. Same loss, same gradient."""
    instrument = small().double()
    config, layout = instrument.config, instrument.config.layout
    generator = torch.Generator().manual_seed(1)
    windows = torch.randn(2, 8, layout.window, generator=generator, dtype=torch.float64)
    noise = torch.randn(2, 8, layout.window, generator=generator, dtype=torch.float64)
    t = torch.tensor([0.3, 0.8], dtype=torch.float64)
    cross, glob = torch.randn(2, 9, 32, dtype=torch.float64), torch.randn(2, 32, dtype=torch.float64)
    noisy = (1 - t[:, None, None]) * windows + t[:, None, None] * noise
    clean = windows[:, :, : layout.context]
    additive = additive_input(config.dit, clean, None, layout)
    dit, s = instrument.dit, layout.context
    aim = (noise - windows)[:, :, s:]

    def gradients(velocity: torch.Tensor) -> list[torch.Tensor]:
        instrument.zero_grad()
        (velocity - aim).square().mean().backward()
        return [p.grad.clone() for p in dit.parameters() if p.grad is not None]

    def masked(pattern: Pattern) -> list[torch.Tensor]:
        allowed = allowed_mask(pattern, layout)
        velocity = dit(noisy, t, cross, glob, additive=additive, router=router_mask(layout).double(), allowed=allowed)
        return gradients(velocity[:, :, s:])

    conditioning = dit.condition(cross, glob)
    positions = torch.arange(1, layout.window + 1)
    cache = dit.rotate(dit.encode_context(additive[:, :, :s], conditioning, positions[:s]), positions[:s])
    cached = gradients(dit.decode_block(noisy[:, :, s:], t, conditioning, cache, positions=positions[s:]))

    same, other = masked(config.pattern), masked(Pattern(kind="bidirectional"))
    scale = max(float(g.abs().max()) for g in cached)
    assert max(float((a - b).abs().max()) for a, b in zip(cached, same, strict=True)) < 1e-12 * max(scale, 1)
    assert max(float((a - b).abs().max()) for a, b in zip(cached, other, strict=True)) > 1e-3 * scale


def test_the_loss_falls_on_music_that_repeats():
    instrument = small()
    losses: list[float] = []
    settings = FineTuning(steps=60, batch=4, targets=2, learning_rate=3e-3, context_noise=0.0)
    constant = [EncodedTrack(item.track, item.frames[:, :1].expand(-1, 40).contiguous()) for item in music()]
    fine_tune(instrument, constant, settings, lambda step, loss: losses.append(loss))
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


def test_the_same_seed_trains_the_same_weights():
    settings = FineTuning(steps=3, batch=2, targets=2)
    states = [fine_tune(small(), music(), settings).module.state_dict() for _ in range(2)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    other = fine_tune(small(), music(), FineTuning(steps=3, batch=2, targets=2, seed=1)).module.state_dict()
    assert any(not torch.equal(states[0][key], other[key]) for key in other)


def test_null_and_partial_contexts_come_as_often_as_asked():
    context = torch.ones(4000, 2, 12)
    dropped = (drop_context(context, 0.2, 0.3, random.Random(0))[:, 0] == 0).sum(dim=1)
    assert abs(float((dropped == 12).float().mean()) - 0.2) < 0.03
    assert abs(float(((dropped > 0) & (dropped < 12)).float().mean()) - 0.3) < 0.03
    # What is dropped is always the oldest.
    kept = drop_context(context, 0.0, 1.0, random.Random(1))[:, 0]
    assert bool((kept[:, 1:] >= kept[:, :-1]).all())


def test_windows_come_from_their_tracks():
    windows, prompts = draw_windows(music(), 6, 16, random.Random(0))
    assert windows.shape == (6, 8, 16)
    assert len(prompts) == 6
    assert any(torch.equal(windows[0], item.frames[:, at : at + 16]) for item in music() for at in range(25))


def test_the_average_follows_and_the_codec_stays():
    instrument = small()
    before = {key: value.clone() for key, value in instrument.codec.state_dict().items()}
    average = fine_tune(instrument, music(), FineTuning(steps=2, batch=2, targets=1), average=Average(instrument, 0.5))
    assert average.updates == 2
    assert all(torch.equal(before[key], value) for key, value in instrument.codec.state_dict().items())


def test_a_pattern_that_this_stage_cannot_train_is_refused():
    config = InstrumentConfig.model_validate({**preset("tiny-bc").model_dump()})
    with pytest.raises(ModelError, match="found block-causal"):
        fine_tune(Instrument(config, tokenizer=TOKENIZER), music(), FineTuning(steps=1))


def test_loss_needs_no_text_to_be_finite():
    loss = flow_matching_loss(small(), torch.randn(2, 8, 16), ["", "jazz"], FineTuning(text_dropout=1.0), random.Random(0))
    assert bool(torch.isfinite(loss))


def test_the_learning_rate_warms_up_and_falls_and_time_ends_a_stage():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=0.0)
    rates = [optimiser.param_groups[0]["lr"] for _ in scheduled_steps(optimiser, 100, 1.0, warm_up=10)]
    assert len(rates) == 100
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9]
    assert rates[-1] < 0.03
    assert list(scheduled_steps(optimiser, 100, 1.0, warm_up=10, seconds=1e-9)) == []
