"""The rollout of ARC-Forcing: its blocks are inference's, and its gradient is the masked forward's with a constant context.

Inference (`lmdm_train.rollout`) and the masked forward over the whole past are held against the oracles elsewhere; here they are the
reference. In float64 gradients agree to 1e-12 of the largest one; every mistake below moves them by 1e-3 and more.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from itertools import islice, pairwise

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from lmdm_train.arc.rollout import draw_counts, evaluated_levels, unroll
from lmdm_train.arc.settings import RolloutSettings
from lmdm_train.config import Layout, Pattern, SamplingConfig
from lmdm_train.errors import RolloutError
from lmdm_train.model.attention import LayerKV, SelfAttention
from lmdm_train.rollout import Rollout, cached_blocks
from lmdm_train.rollout.context import slide
from lmdm_train.rollout.outpainting import masked_forward
from lmdm_train.sampling import logsnr_schedule
from tests.train.small_rollouts import CHANNELS, make_rollout, random_dit
from tests.train.whole_history import History

PATTERNS = {
    "encoder-decoder": (Pattern(kind="encoder-decoder"), Layout(context=10, block=3)),
    "block-causal": (Pattern(kind="block-causal", window_chunks=3), Layout(context=12, block=3)),
    "block-causal, sees all": (Pattern(kind="block-causal", window_chunks=3, cached_target_sees_all=True), Layout(context=12, block=3)),
}
LEVELS = [[1.0, 0.9, 0.6], [1.0, 0.7], [1.0], [1.0, 0.95, 0.8, 0.4]]
SAME, MISTAKE = 1e-12, 1e-3


def trainable(kind: str, *, dtype: torch.dtype = torch.float64, **more) -> Rollout:
    pattern, layout = PATTERNS[kind]
    dit = random_dit(depth=2, controls=True)
    rollout = make_rollout(pattern, layout, controls=True, solver="ping-pong", dtype=dtype, dit=dit, **more)
    rollout.dit.requires_grad_(True)
    return dataclasses.replace(rollout, collect=None)


def aim(blocks: Tensor) -> Tensor:
    """A loss whose gradient differs from frame to frame, as a discriminator's does."""
    weights = torch.randn(blocks.shape, generator=torch.Generator().manual_seed(11), dtype=blocks.dtype)
    return (weights * blocks).sum() + blocks.square().mean()


def gradients(rollout: Rollout, make: Callable[[], Tensor]) -> dict[str, Tensor]:
    rollout.dit.zero_grad(set_to_none=True)
    aim(make()).backward()
    return {name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in rollout.dit.named_parameters()}


def distance(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
    """Largest difference of two gradients, in units of the largest entry."""
    assert a.keys() == b.keys()
    return max(float((a[key] - b[key]).abs().max()) for key in a) / max(float(g.abs().max()) for g in a.values())


def masked(rollout: Rollout, levels=LEVELS) -> Tensor:
    """The same blocks by Algorithm 1 under the pattern's mask, every step one forward over the past and the noisy block."""
    condition = rollout.conditions(0)
    clean, blocks = rollout.start.to(torch.float64), []
    history = History(rollout, clean, [condition] * (rollout.layout.context // rollout.layout.block))
    for block, steps in enumerate(levels):
        window = masked_forward(rollout, block, condition, clean, None)

        def velocity(x: Tensor, t: float, block=block, window=window, history=history) -> Tensor:
            if rollout.pattern.kind == "block-causal":
                return history.forward(rollout.dit, block, x, t)[0]
            return window(x, x.new_full((len(x),), t), None)

        x = rollout.noise(block, 0).double()
        for draw, (t, t_next) in enumerate(pairwise(steps), start=1):
            with torch.no_grad():
                x = (1 - t_next) * (x - t * velocity(x, t)) + t_next * rollout.noise(block, draw).double()
        blocks.append(x - steps[-1] * velocity(x, steps[-1]))
        clean = slide(clean, blocks[-1].detach())
        history = History(rollout, torch.cat((history.frames, blocks[-1].detach()), dim=-1), [*history.conditions, condition])
    return torch.cat(blocks, dim=-1)


@pytest.fixture
def constant_context(monkeypatch):
    """In forwards over a past and a block, keys and values of the past carry no gradient: all but the last block + 1 tokens."""

    def install(rollout: Rollout) -> None:
        project, own = SelfAttention.project, rollout.layout.block + 1

        def cut(self, x):
            q, raw = project(self, x)
            past = x.shape[1] - own

            def constant(part: Tensor) -> Tensor:
                return torch.cat((part[:, :, :past].detach(), part[:, :, past:]), dim=2)

            return q, LayerKV(constant(raw.k), constant(raw.v))

        monkeypatch.setattr(SelfAttention, "project", cut)

    return install


@pytest.mark.parametrize("kind", PATTERNS)
def test_gradient_through_the_cache_is_that_through_the_mask(kind, constant_context):
    rollout = trainable(kind)
    cached = gradients(rollout, lambda: unroll(rollout, LEVELS))
    with_context = gradients(rollout, lambda: masked(rollout))
    constant_context(rollout)
    with torch.no_grad():
        assert float((unroll(rollout, LEVELS) - masked(rollout)).abs().max()) < 1e-11
    assert distance(cached, gradients(rollout, lambda: masked(rollout))) < SAME
    silent = [name for name, g in cached.items() if not g.any()]
    assert silent == [], "every parameter takes part in a last step"
    # Controls: gradient into the context's encoding, another mask, other steps before the last, another context.
    assert distance(cached, with_context) > MISTAKE
    other = dataclasses.replace(rollout, pattern=Pattern(kind="bidirectional"))
    assert distance(cached, gradients(other, lambda: masked(other))) > MISTAKE
    assert distance(cached, gradients(rollout, lambda: masked(rollout, [[1.0, 0.6], *LEVELS[1:]]))) > MISTAKE
    assert rollout.start is not None
    moved = dataclasses.replace(rollout, start=rollout.start.roll(1, -1))
    assert distance(cached, gradients(moved, lambda: masked(moved))) > MISTAKE


@pytest.mark.parametrize("kind", PATTERNS)
def test_kept_and_recomputed_gradients_are_equal(kind):
    rollout = trainable(kind, dtype=torch.float32)
    kept, again = (gradients(rollout, lambda r=r: unroll(rollout, LEVELS, recompute=r)) for r in (False, True))
    assert all(torch.equal(kept[name], again[name]) for name in kept)


@pytest.mark.parametrize("recompute", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("kind", PATTERNS)
def test_gradient_enters_the_last_step_of_each_block_and_nothing_else(kind, recompute, monkeypatch):
    rollout = trainable(kind)
    decoded, encoded = [], []
    decode, encode = rollout.dit.decode_block, rollout.dit.encode_context

    def spy(calls, function):
        def called(*args, **kwargs):
            calls.append(torch.is_grad_enabled())
            return function(*args, **kwargs)

        return called

    monkeypatch.setattr(rollout.dit, "decode_block", spy(decoded, decode))
    monkeypatch.setattr(rollout.dit, "encode_context", spy(encoded, encode))
    noises = {}

    def noise(block: int, draw: int) -> Tensor:
        noises[block, draw] = rollout.noise(block, draw).double().requires_grad_(True)
        return noises[block, draw]

    start = rollout.start.double().requires_grad_(True)
    blocks = unroll(dataclasses.replace(rollout, noise=noise, start=start), LEVELS, recompute=recompute)
    assert decoded == [step == len(levels) - 1 for levels in LEVELS for step in range(len(levels))]
    assert not any(encoded)
    blocks.sum().backward()
    inputs = {(block, 0) for block, levels in enumerate(LEVELS) if len(levels) == 1}
    assert {key for key, value in noises.items() if value.grad is not None} == inputs, "only where the last step is the first"
    assert start.grad is None or not start.grad.any()
    again = len(LEVELS) if recompute else 0
    assert decoded[sum(map(len, LEVELS)) :] == [True] * again
    assert not any(encoded)


@torch.no_grad()
@pytest.mark.parametrize("kind", PATTERNS)
def test_blocks_are_those_of_inference(kind):
    rollout = trainable(kind, steps=3)
    levels = evaluated_levels(3, None, rollout.sampling)
    made = unroll(rollout, [levels] * 6)
    played = torch.cat(list(islice(cached_blocks(rollout), 6)), dim=-1)
    assert float((made - played).abs().max()) < 1e-13
    fewer = unroll(rollout, [levels[:-1]] * 6)
    assert float((fewer - played).abs().max()) > MISTAKE


@pytest.mark.parametrize("steps", [1, 2, 4, 6])
def test_a_block_over_its_own_grid_meets_the_levels_of_its_schedule(steps):
    """Facts sheet §3, printed values of the reference's schedule; §4: the released rollouts stop early on the grid of six."""
    sampling = SamplingConfig()
    assert evaluated_levels(steps, None, sampling) == logsnr_schedule(steps).tolist()[:-1]
    six = evaluated_levels(6, 6, sampling)
    assert six == pytest.approx([1, 0.9907, 0.9656, 0.8808, 0.6608, 0.3392], abs=1e-4)
    assert evaluated_levels(steps, 6, sampling) == six[:steps]


def test_step_counts_are_the_papers_and_the_released_ones_are_reachable():
    paper = RolloutSettings(blocks=4000)
    counts = draw_counts(paper, random.Random(0))
    assert set(counts) == {2, 3, 4, 5, 6}
    assert counts == draw_counts(paper, random.Random(0))
    assert counts != draw_counts(paper, random.Random(1))
    released = draw_counts(RolloutSettings(blocks=4000, min_steps=1, max_steps=5, grid=6), random.Random(0))
    torch.manual_seed(0)
    assert set(released) == {int(torch.randint(1, 6, (1,))) for _ in range(400)}
    with pytest.raises(ValidationError, match="max_steps 8 exceeds the grid of 6 steps"):
        RolloutSettings(max_steps=8, grid=6)
    with pytest.raises(ValidationError, match="min_steps 3 exceeds max_steps 2"):
        RolloutSettings(min_steps=3, max_steps=2)


@pytest.mark.parametrize("recompute", [False, True], ids=["kept", "recomputed"])
def test_mixed_precision_loses_no_gradient(recompute):
    """Weights that autocast has cast without gradient must not stand in for those of the last step."""
    rollout = trainable("encoder-decoder", dtype=torch.float32)
    exact = gradients(rollout, lambda: unroll(rollout, LEVELS, recompute=recompute))

    def half() -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return unroll(rollout, LEVELS, recompute=recompute).float()

    rough = gradients(rollout, half)
    assert all(rough[name].any() for name in exact)
    a, b = (torch.cat([g.flatten() for g in found.values()]) for found in (exact, rough))
    assert float(torch.nn.functional.cosine_similarity(a, b, dim=0)) > 0.99


def test_what_does_not_fit_is_refused_in_a_sentence():
    rollout = trainable("encoder-decoder")
    with pytest.raises(RolloutError, match="found bidirectional"):
        unroll(dataclasses.replace(rollout, pattern=Pattern(kind="bidirectional")), LEVELS)
    guided = rollout.sampling.model_copy(update={"guidance": "cfg"})
    with pytest.raises(RolloutError, match="set guidance to none"):
        unroll(dataclasses.replace(rollout, sampling=guided), LEVELS)
    assert unroll(rollout, LEVELS).shape == (1, CHANNELS, 4 * 3)
