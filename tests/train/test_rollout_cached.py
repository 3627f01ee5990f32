"""Algorithm 2 with its cache is Algorithm 1's masked full forward, at every layer and every step; mistakes in the cache are seen.

Tolerances. In float64 the two agree to 5e-14 (measured), so 1e-11 leaves room for other machines and none for a mistake, which moves
results by 1e-2 and more. In float32 both stand 2e-5 from the float64 result (measured, three blocks closed-loop): 1e-4, as for the oracles.
"""

from __future__ import annotations

import dataclasses

import pytest
import torch

from lmdm_train.config import Layout, Pattern
from lmdm_train.errors import RolloutError, SamplingError
from lmdm_train.model.attention import LayerKV
from lmdm_train.rollout import Rollout, block_causal, encoder_decoder, outpainting
from lmdm_train.rollout.prompts import PromptTimeline
from tests.train.small_rollouts import StaleCondition, largest_difference, make_rollout, random_dit, run

LAYOUT = Layout(context=10, block=3)
ENCODER_DECODER = Pattern(kind="encoder-decoder")
EXACT, FLOAT32 = 1e-11, 1e-4
MISTAKE = 1e-2
PROMPTS = PromptTimeline({0: "a", 1: [("a", 0.7), ("b", 0.3)], 2: [("a", 0.3), ("b", 0.7)]})


def distance(rollout: Rollout, cached_blocks, cached_passes, blocks: int) -> float:
    """Largest difference from Algorithm 1 in any hidden state of context, block and global token, any velocity, and any block."""
    masked_blocks, masked_passes = run(rollout, blocks, "outpainting")
    s = rollout.layout.context
    contexts = {p.block: p.hidden for p in cached_passes if p.stage == "context"}
    decoded = [p for p in cached_passes if p.stage == "block"]
    assert len(decoded) == len(masked_passes) > 0
    assert all(len(p.hidden) == rollout.dit.config.depth for p in cached_passes)
    differences = [largest_difference(a, b) for a, b in zip(cached_blocks, masked_blocks, strict=True)]
    for cached, masked in zip(decoded, masked_passes, strict=True):
        assert (cached.block, cached.t) == (masked.block, masked.t)
        differences += [largest_difference(cached.x, masked.x), largest_difference(cached.velocity, masked.velocity)]
        for layer, whole in enumerate(masked.hidden):
            differences.append(largest_difference(contexts[cached.block][layer], whole[:, :s]))
            differences.append(largest_difference(cached.hidden[layer], whole[:, s:]))
    return max(differences)


@pytest.mark.parametrize(
    ("solver", "guidance", "scale"),
    [
        ("euler", "none", 1.0),
        ("euler", "cfg", 3.0),
        ("euler", "cfg++", 0.7),
        ("heun", "cfg", 2.0),
        ("rk4", "none", 1.0),
        ("dpmpp-2m", "cfg", 2.0),
        ("ping-pong", "none", 1.0),
        ("ping-pong", "cfg++", 0.7),
    ],
)
@pytest.mark.parametrize("controls", [False, True], ids=["text", "controls"])
def test_cached_equals_masked_at_every_layer_and_step(solver, guidance, scale, controls):
    rollout = make_rollout(
        ENCODER_DECODER,
        LAYOUT,
        controls=controls,
        timeline=PROMPTS,
        solver=solver,
        guidance=guidance,
        guidance_scale=scale,
        steps=4,
        context_drop=4,
    )
    assert distance(rollout, *run(rollout, 3), 3) < EXACT


@pytest.mark.parametrize("primed", [False, True], ids=["null", "primed"])
def test_float32_stays_at_rounding(primed):
    rollout = make_rollout(ENCODER_DECODER, LAYOUT, primed=primed, dtype=torch.float32, guidance="cfg", guidance_scale=3.0)
    blocks, passes = run(rollout, 3)
    assert distance(rollout, blocks, passes, 3) < FLOAT32
    exact, _ = run(make_rollout(ENCODER_DECODER, LAYOUT, primed=primed, guidance="cfg", guidance_scale=3.0), 3)
    assert max(largest_difference(a, b) for a, b in zip(blocks, exact, strict=True)) < FLOAT32


def test_a_partially_null_context_keeps_its_mask():
    rollout = make_rollout(ENCODER_DECODER, LAYOUT)
    null = dataclasses.replace(rollout, start=torch.cat((torch.zeros(1, 4, 6), rollout.start[..., 6:]), dim=-1))
    assert distance(null, *run(null, 2), 2) < EXACT
    assert largest_difference(run(null, 1)[0][0], run(rollout, 1)[0][0]) > MISTAKE


def test_noise_on_the_context_has_no_effect_on_a_routed_pattern():
    rollout = make_rollout(ENCODER_DECODER, LAYOUT)
    quiet = next(outpainting(rollout))
    noisy = next(outpainting(rollout, lambda _block, _draw: torch.randn(1, 4, LAYOUT.context)))
    assert torch.equal(quiet, noisy)


def test_a_bidirectional_network_sees_noise_on_its_context():
    rollout = make_rollout(Pattern(kind="bidirectional"), LAYOUT)
    draws = []

    def context_noise(block, evaluation):
        draws.append((block, evaluation))
        return torch.full((1, 4, LAYOUT.context), float(evaluation))

    stream = outpainting(rollout, context_noise)
    first = next(stream)
    assert draws == [(0, 0), (0, 1), (0, 2)]
    assert torch.isfinite(next(stream)).all()
    assert largest_difference(first, next(outpainting(rollout, lambda _b, _e: torch.zeros(1, 4, LAYOUT.context)))) > MISTAKE


def faulty_rotate(rollout: Rollout, monkeypatch, fault) -> None:
    good = rollout.dit.rotate
    monkeypatch.setattr(rollout.dit, "rotate", lambda raw, positions: fault(good, raw, positions))


def each(change):
    return lambda rotate, raw, positions: tuple(change(kv) for kv in rotate(raw, positions))


# Attention does not mind the order of its keys: rolling rotated keys together with their values changes nothing, so a slid cache is one
# whose frames are rotated to their neighbours' positions.
FAULTS = {
    "slid by one frame": lambda rotate, raw, positions: rotate([LayerKV(kv.k.roll(1, 2), kv.v.roll(1, 2)) for kv in raw], positions),
    "one frame late": lambda rotate, raw, positions: rotate(raw, positions + 1),
    "keys slid against values": each(lambda kv: LayerKV(kv.k.roll(1, 2), kv.v)),
    "keys and values swapped": each(lambda kv: LayerKV(kv.v, kv.k)),
    "last frame missing": each(lambda kv: LayerKV(kv.k[:, :, :-1], kv.v[:, :, :-1])),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_cache_is_seen(fault, monkeypatch):
    rollout = make_rollout(ENCODER_DECODER, LAYOUT)
    with monkeypatch.context() as patch:
        faulty_rotate(rollout, patch, FAULTS[fault])
        broken = run(rollout, 1)
    assert distance(rollout, *broken, 1) > MISTAKE
    assert distance(rollout, *run(rollout, 1), 1) < EXACT


def test_a_wrong_rotary_base_is_seen():
    rollout = make_rollout(ENCODER_DECODER, LAYOUT)
    other = random_dit().double()
    frequencies = other.transformer.rotary_pos_emb.inv_freq
    frequencies.copy_(1e6 ** (-torch.arange(0, 2 * len(frequencies), 2, dtype=torch.float64) / (2 * len(frequencies))))
    assert distance(rollout, *run(dataclasses.replace(rollout, dit=other), 1), 1) > MISTAKE


def test_stale_cross_keys_after_a_prompt_change_are_seen():
    rollout = make_rollout(ENCODER_DECODER, LAYOUT, timeline=PROMPTS)
    stale = StaleCondition.like(rollout)
    assert distance(rollout, *run(stale, 1), 1) < EXACT
    assert distance(rollout, *run(stale, 3), 3) > MISTAKE


def test_noise_of_another_seed_is_seen():
    rollout = make_rollout(ENCODER_DECODER, LAYOUT, solver="ping-pong")
    assert distance(rollout, *run(make_rollout(ENCODER_DECODER, LAYOUT, solver="ping-pong", noise_seed=8), 1), 1) > MISTAKE


def test_what_does_not_fit_is_refused_in_a_sentence():
    rollout = make_rollout(ENCODER_DECODER, LAYOUT)
    with pytest.raises(RolloutError, match="Algorithm 3 runs the block-causal pattern, found encoder-decoder"):
        next(block_causal(rollout))
    bidirectional = dataclasses.replace(rollout, pattern=Pattern(kind="bidirectional"))
    with pytest.raises(RolloutError, match="Algorithm 2 runs the encoder-decoder pattern, found bidirectional"):
        next(encoder_decoder(bidirectional))
    with pytest.raises(RolloutError, match="pass context_noise"):
        next(outpainting(bidirectional))
    with pytest.raises(RolloutError, match=r"shape \[1, 4, 9\], expected \[batch, 4, 10\]"):
        dataclasses.replace(rollout, start=torch.zeros(1, 4, 9))
    with pytest.raises(SamplingError, match=r"rk4 has no cfg\+\+ form"):
        make_rollout(ENCODER_DECODER, LAYOUT, solver="rk4", guidance="cfg++")
