"""Algorithm 3 as a stream is one masked forward over its whole history: at every layer and step, early and a thousand blocks in.

Tolerances. In float64 stream and history agree to 3e-14 (measured), so 1e-11 leaves room for other machines and none for a mistake.
A float32 stream stays within 3e-6 of its float64 history (measured, at block 0 as at block 999); 3e-5 is ten times that.
"""

from __future__ import annotations

import copy
import dataclasses
import sys

import pytest
import torch

from lmdm_train.config import Layout, Pattern
from lmdm_train.model.attention import LayerKV
from lmdm_train.rollout.block_causal import slide_kv
from lmdm_train.rollout.prompts import PromptTimeline
from tests.train.small_rollouts import StaleCondition, largest_difference, make_rollout, random_dit, run
from tests.train.whole_history import histories, receptive_chunks, stream_error

LAYOUT = Layout(context=8, block=2)
EXACT, ROUNDING, MISTAKE = 1e-11, 3e-5, 1e-2


def pattern(window_chunks: int = 3, sees_all: bool = False) -> Pattern:
    return Pattern(kind="block-causal", window_chunks=window_chunks, cached_target_sees_all=sees_all)


def worst(rollout, blocks, passes, *, context=True, which=None) -> float:
    found = histories(rollout, blocks, passes)
    return max(stream_error(found[n], rollout.dit, n, passes, context=context) for n in which or range(len(blocks)))


@pytest.mark.parametrize("sees_all", [False, True], ids=["training-mask", "sees-all"])
@pytest.mark.parametrize("window_chunks", [1, 2, 3, 5])
def test_stream_equals_one_forward_over_its_history(window_chunks, sees_all):
    rollout = make_rollout(pattern(window_chunks, sees_all), LAYOUT, solver="ping-pong", steps=2)
    assert worst(rollout, *run(rollout, 7)) < EXACT


@pytest.mark.parametrize(
    ("solver", "guidance", "scale"), [("euler", "cfg", 3.0), ("heun", "cfg", 2.0), ("rk4", "none", 1.0), ("ping-pong", "cfg++", 0.7)]
)
@pytest.mark.parametrize("controls", [False, True], ids=["text", "controls"])
def test_stream_equals_history_with_guidance_and_controls(solver, guidance, scale, controls):
    rollout = make_rollout(pattern(), LAYOUT, controls=controls, solver=solver, steps=2, guidance=guidance, guidance_scale=scale)
    assert worst(rollout, *run(rollout, 5)) < EXACT


@pytest.mark.parametrize("sees_all", [False, True], ids=["training-mask", "sees-all"])
def test_first_block_equals_the_masked_window(sees_all):
    rollout = make_rollout(pattern(sees_all=sees_all), LAYOUT)
    assert largest_difference(run(rollout, 1)[0][0], run(rollout, 1, "outpainting")[0][0]) < EXACT


@pytest.mark.parametrize("guidance", ["none", "cfg"])
def test_prompt_mixes_keep_the_cache_and_a_new_dominant_prompt_builds_it_anew(guidance):
    timeline = PromptTimeline(
        {0: "a", 2: [("a", 0.8), ("b", 0.2)], 3: [("a", 0.6), ("b", 0.4)], 4: [("a", 0.4), ("b", 0.6)], 6: "b", 7: "c"}
    )
    rollout = make_rollout(
        pattern(), LAYOUT, timeline=timeline, solver="euler", steps=2, guidance=guidance, guidance_scale=2.0, context_drop=5
    )
    blocks, passes = run(rollout, 9)
    encodings = [sum(p.stage == "context" and p.block == n for p in passes) for n in range(9)]
    assert encodings == [4, 1, 1, 1, 4, 1, 1, 4, 1]
    assert worst(rollout, blocks, passes) < EXACT


def test_positions_stay_inside_the_window():
    rollout = make_rollout(pattern(), LAYOUT, steps=1)
    seen: list[int] = []
    rollout.dit.transformer.rotary_pos_emb.register_forward_pre_hook(lambda _module, args: seen.extend(args[0].tolist()))
    run(rollout, 30)
    assert (min(seen), max(seen)) == (0, LAYOUT.window)


def slid(raw, chunk):
    return tuple(LayerKV(kv.k.roll(1, 2), kv.v.roll(1, 2)) for kv in slide_kv(raw, chunk))


def swapped(raw, chunk):
    return tuple(LayerKV(kv.v, kv.k) for kv in slide_kv(raw, chunk))


def stuck(raw, chunk):
    full = raw[0].k[:, :, 0].any()
    return tuple(raw) if full else slide_kv(raw, chunk)


@pytest.mark.parametrize("fault", [slid, swapped, stuck], ids=["slid by one frame", "keys and values swapped", "never slides"])
def test_a_faulty_cache_is_seen(fault, monkeypatch):
    rollout = make_rollout(pattern(), LAYOUT, steps=2)
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules[slide_kv.__module__], "slide_kv", fault)
        broken = run(rollout, 3)
    assert worst(rollout, *broken, context=False) > MISTAKE
    assert worst(rollout, *run(rollout, 3), context=False) < EXACT


def test_a_wrong_rotary_base_is_seen():
    rollout = make_rollout(pattern(), LAYOUT, steps=2)
    other = copy.deepcopy(rollout.dit)
    frequencies = other.transformer.rotary_pos_emb.inv_freq
    frequencies.copy_(frequencies**1.5)
    blocks, passes = run(dataclasses.replace(rollout, dit=other), 1)
    assert stream_error(histories(rollout, blocks, passes)[0], rollout.dit, 0, passes) > MISTAKE


def test_a_target_that_sees_too_much_or_too_little_is_seen():
    trained, wide = (make_rollout(pattern(sees_all=sees_all), LAYOUT) for sees_all in (False, True))
    assert worst(wide, *run(trained, 2), context=False) > MISTAKE
    assert worst(trained, *run(wide, 2), context=False) > MISTAKE


def test_stale_cross_keys_after_a_prompt_change_are_seen():
    rollout = make_rollout(pattern(), LAYOUT, timeline=PromptTimeline({0: "a", 2: "b"}), steps=2)
    blocks, passes = run(StaleCondition.like(rollout), 3)
    found = histories(rollout, blocks, passes)
    assert stream_error(found[1], rollout.dit, 1, passes) < EXACT
    assert stream_error(found[2], rollout.dit, 2, passes) > MISTAKE


@pytest.mark.parametrize("blocks", [100, pytest.param(1000, marks=pytest.mark.heavy)])
@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float64, EXACT), (torch.float32, ROUNDING)], ids=["float64", "float32"])
@pytest.mark.parametrize("sees_all", [False, True], ids=["training-mask", "sees-all"])
def test_much_later_the_stream_still_equals_its_history(sees_all, dtype, allowed, blocks):
    """The last block against all frames before it, others against the newest chunks, which decide the target exactly.

    A float32 stream is held against the float64 history of the blocks that it made itself: its error must not grow.
    """
    tiny = random_dit(width=32, heads=1, depth=2)
    rollout = make_rollout(pattern(sees_all=sees_all), LAYOUT, dit=tiny, dtype=dtype, solver="ping-pong", steps=2)
    made, passes = run(rollout, blocks)
    exact = copy.deepcopy(rollout.dit).double()
    found, chunks = histories(rollout, made, passes), receptive_chunks(rollout)
    by_block: dict[int, list] = {}
    for p in passes:
        by_block.setdefault(p.block, []).append(p)

    def error(block: int, history) -> float:
        return stream_error(history, exact, block, by_block[block], context=False)

    last, some = blocks - 1, blocks // 20
    whole = error(last, found[last])
    early = max(error(n, found[n].newest(chunks)) for n in range(some))
    late = max(error(n, found[n].newest(chunks)) for n in range(blocks - some, blocks))
    print(f"largest error: first {some} blocks {early:.1e}, last {some} {late:.1e}, block {last} against its whole history {whole:.1e}")
    assert max(whole, early, late) < allowed
    assert late < 3 * early
    assert error(last, found[last].newest(chunks - 1)) > MISTAKE
