"""What a rollout is fed: prompts over time, clean context, priming, controls, noise; and the rollout of a whole instrument."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from lmdm_train.config import AdditiveInput, DiTConfig, InstrumentConfig, Layout, Pattern, SamplingConfig, SpectralConfig, TextConfig
from lmdm_train.errors import RolloutError
from lmdm_train.model.instrument import Instrument
from lmdm_train.rollout import Rollout, cached_blocks
from lmdm_train.rollout.context import encode_audio, null_context, partially_null_context, primed_context, slide
from lmdm_train.rollout.controls import ControlTimeline
from lmdm_train.rollout.noise import seeded_noise
from lmdm_train.rollout.prompts import PromptTimeline, mix_embeddings
from tests.train.small_rollouts import make_rollout

LAYOUT = Layout(context=6, block=2)


def test_an_entry_holds_until_the_next_and_weights_are_normalised():
    timeline = PromptTimeline({0: "drums", 3: [("drums", 1), ("bass", 3)]})
    assert timeline.at(2) == (("drums", 1.0),)
    assert timeline.at(100) == (("drums", 0.25), ("bass", 0.75))
    assert (timeline.dominant(2), timeline.dominant(3)) == ("drums", "bass")


def test_the_first_of_equal_weights_is_dominant():
    assert PromptTimeline({0: [("a", 0.5), ("b", 0.5)]}).dominant(0) == "a"


def test_a_mix_is_the_weighted_sum_of_embeddings():
    embeddings = {"a": torch.ones(1, 2, 3), "b": torch.full((1, 2, 3), 5.0)}
    assert torch.equal(mix_embeddings((("a", 0.25), ("b", 0.75)), embeddings.__getitem__), torch.full((1, 2, 3), 4.0))


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({1: "a"}, r"starts at block 0, found entries for blocks \[1\]"),
        ({}, "found entries for blocks none"),
        ({0: "a", -1: "b"}, "an entry for block -1"),
        ({0: [("a", 0.0)]}, "not all zero"),
        ({0: [("a", 1.0), ("b", -0.5)]}, "not negative"),
        ({0: [("a", float("nan"))]}, "must be finite"),
        ({0: []}, r"weights of block 0 are \[\]"),
    ],
)
def test_a_timeline_that_makes_no_sense_is_refused(entries, sentence):
    with pytest.raises(RolloutError, match=sentence):
        PromptTimeline(entries)


def test_a_new_dominant_prompt_nulls_the_oldest_frames_once():
    timeline = PromptTimeline({0: "a", 1: [("a", 0.6), ("b", 0.4)], 2: [("a", 0.4), ("b", 0.6)]})
    rollout = make_rollout(Pattern(kind="encoder-decoder"), LAYOUT, timeline=timeline, dtype=torch.float32, context_drop=5)
    clean, condition, seen = None, None, []
    for block in range(5):
        condition, clean, changed = rollout.enter(block, condition, clean)
        seen.append((changed, (clean == 0).all(dim=(0, 1)).tolist()))
        clean = slide(clean, torch.ones(1, 4, LAYOUT.block))
    dropped = [True] * 5 + [False]
    assert seen == [
        (False, [False] * 6),
        (False, [False] * 6),
        (True, dropped),
        (False, [True] * 3 + [False] * 3),
        (False, [True] + [False] * 5),
    ]


def test_null_partially_null_and_primed_contexts():
    frames = torch.arange(1.0, 9.0).reshape(1, 1, 8)
    assert null_context(2, 3, LAYOUT).shape == (2, 3, 6)
    assert primed_context(frames, LAYOUT).flatten().tolist() == [3, 4, 5, 6, 7, 8]
    assert primed_context(frames[..., :4], LAYOUT).flatten().tolist() == [0, 0, 1, 2, 3, 4]
    assert partially_null_context(primed_context(frames, LAYOUT), 2).flatten().tolist() == [0, 0, 5, 6, 7, 8]
    assert slide(primed_context(frames, LAYOUT), torch.tensor([[[9.0, 10.0]]])).flatten().tolist() == [5, 6, 7, 8, 9, 10]
    with pytest.raises(RolloutError, match="cannot make 7 frames null in a context of 6 frames"):
        partially_null_context(torch.zeros(1, 1, 6), 7)


def test_controls_are_cut_to_each_window_with_their_history():
    running = ControlTimeline({"loudness": torch.arange(1.0, 8.0).reshape(1, 1, 7)}, LAYOUT, history=2)
    assert running(0)["loudness"].flatten().tolist() == [0, 0, 0, 0, 1, 2, 3, 4]
    assert running(1)["loudness"].flatten().tolist() == [0, 0, 1, 2, 3, 4, 5, 6]
    assert running(3)["loudness"].flatten().tolist() == [3, 4, 5, 6, 7, 0, 0, 0]
    assert running(9)["loudness"].flatten().tolist() == [0] * 8
    with pytest.raises(RolloutError, match="must be equally long"):
        ControlTimeline({"a": torch.zeros(1, 1, 3), "b": torch.zeros(1, 1, 4)}, LAYOUT)


def test_noise_depends_on_seed_block_and_draw_alone():
    noise = seeded_noise((1, 2, 3), 5)
    again = noise(4, 1)
    assert torch.equal(noise(4, 1), again)
    others = [noise(4, 2), noise(1, 4), seeded_noise((1, 2, 3), 6)(4, 1)]
    assert not any(torch.equal(again, other) for other in others)
    many = seeded_noise((1, 64, 1000), 5)(0, 0)
    assert abs(many.mean()) < 0.02
    assert abs(many.std() - 1) < 0.02


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    torch.manual_seed(0)
    dit = DiTConfig(
        latent_channels=8,
        width=32,
        depth=1,
        heads=1,
        text_width=6,
        global_width=6,
        additive=(AdditiveInput(name="inpaint_mask", channels=1), AdditiveInput(name="inpaint_masked_input", channels=8)),
    )
    codec = SpectralConfig(latent_channels=8, hidden=16, noise_bands=4)
    config = InstrumentConfig(
        name="small",
        dit=dit,
        layout=LAYOUT,
        pattern=Pattern(kind="block-causal", window_chunks=3),
        codec=codec,
        text=TextConfig(kind="none", tokens=3, width=6),
        sampling=SamplingConfig(steps=2, guidance="cfg", guidance_scale=2.0),
    )
    return Instrument(config).eval()


def test_an_instrument_is_primed_with_audio_and_rolls_out(instrument):
    size = instrument.codec.frame_size
    audio = torch.randn(1, instrument.codec.audio_channels, 4 * size + 100) * 0.1
    start = encode_audio(instrument.codec, audio, LAYOUT)
    assert start.shape == (1, 8, 6)
    assert (start[..., :2] == 0).all()
    assert torch.equal(start[..., 2:], instrument.codec.encode(audio[..., 100:]))
    embeddings = {"a": torch.randn(1, 3, 6)}
    noise = seeded_noise((1, 8, LAYOUT.block), 0)
    rollout = Rollout.of(instrument, PromptTimeline({0: "a"}), noise, seconds=11.0, embeddings=embeddings, start=start)
    blocks = list(islice(cached_blocks(rollout), 3))
    assert [tuple(block.shape) for block in blocks] == [(1, 8, 2)] * 3
    assert not any(block.requires_grad for block in blocks)
    unknown = Rollout.of(instrument, PromptTimeline({0: "b"}), noise, seconds=11.0, embeddings=embeddings)
    with pytest.raises(RolloutError, match="no embedding was given for the prompt 'b', only for 'a'"):
        next(cached_blocks(unknown))


def test_priming_audio_that_does_not_fit_is_refused(instrument):
    with pytest.raises(RolloutError, match=r"expected \[batch, 1, samples\]"):
        encode_audio(instrument.codec, torch.zeros(1, 2, 5000), LAYOUT)
    with pytest.raises(RolloutError, match="less than one frame"):
        encode_audio(instrument.codec, torch.zeros(1, 1, 100), LAYOUT)
