"""Prompt transitions: weights of the cross-fade, and curves of music that really passes from one style to another, or does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.asked import asked_by
from lmdm_train.evaluate.judge import QUESTIONS, SAMPLE_RATE, Heard, listen
from lmdm_train.evaluate.transitions import Fade, composed_pairs, crossing, play_transition, read_pairs, transition
from tests.small_instruments import small_instrument
from tests.train.small_judge import taught

BLOCK = 0.5
PAIRS = [("techno", "ambient"), ("ambient", "techno")]


def tone(style: str, seconds: float, seed: int = 0) -> torch.Tensor:
    """What the test's judge knows as techno is low and as ambient is high."""
    n = np.arange(int(seconds * SAMPLE_RATE))
    rng = np.random.default_rng(seed)
    hz = {"techno": 220, "ambient": 3000}[style]
    return torch.from_numpy(0.2 * np.sin(2 * np.pi * hz * n / SAMPLE_RATE) + 0.02 * rng.standard_normal(len(n))).float()


@pytest.fixture(scope="module")
def judge():
    heard = []
    for style in ("techno", "ambient"):
        truth = {**dict.fromkeys(QUESTIONS, 0), "style": QUESTIONS["style"].index(style)}
        heard += [Heard(listen(tone(style, 5, seed)[None])[0], truth) for seed in range(4)]
    return taught(heard, 25)


def test_the_cross_fade_is_a_straight_line_between_two_prompts():
    fade = Fade(before=4, during=3, after=5)
    timeline = fade.timeline(("a", "b"))
    weights = [dict(timeline.at(block)).get("b", 0.0) for block in range(fade.blocks)]
    assert weights == pytest.approx([0, 0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1])
    assert [fade.weight(block) for block in range(fade.blocks)] == pytest.approx(weights)
    assert [timeline.dominant(block) for block in (5, 6)] == ["a", "b"]
    hard = Fade(before=2, during=0, after=2).timeline(("a", "b"))
    assert [hard.dominant(block) for block in range(4)] == ["a", "a", "b", "b"]


def played(kind: str) -> torch.Tensor:
    fade = Fade(16, 0, 16)
    rows = []
    for a, b in PAIRS:
        first, second = {"changes": (a, b), "stays": (a, a), "swapped": (b, a)}[kind]
        rows.append(torch.cat((tone(first, fade.before * BLOCK, 7), tone(second, fade.after * BLOCK, 8))))
    return torch.stack(rows)


ENDS = {"changes": (0.1, 0.9), "stays": (0.1, 0.1), "swapped": (0.9, 0.1)}


@pytest.mark.parametrize("kind", ENDS)
def test_curves_follow_what_is_played(judge, kind):
    """Music that changes crosses over at the change; music that ignores the new prompt, or plays it first, never does."""
    found = transition("x", judge, PAIRS, played(kind), Fade(16, 0, 16), BLOCK)
    facts = found.summary()
    for when, expected in zip(("at_start", "at_end"), ENDS[kind], strict=True):
        assert abs(facts[f"second_{when}"] - expected) < 0.15
        assert facts[f"third_{when}"] < 0.15
    assert np.isfinite(found.crossing) == (kind == "changes")
    if kind == "changes":
        assert abs(found.crossing) < 1.0
    assert (found.pairs, found.left_out) == (2, 0)
    assert found.weight[0] == 0
    assert found.weight[-1] == 1


def test_the_crossing_is_the_last_one_and_lies_between_samples():
    times = np.arange(5.0)
    assert crossing(times, np.array([1, 1, 1, 0, 0.0]), np.array([0, 0, 0, 3, 1.0])) == pytest.approx(2.25)
    assert crossing(times, np.array([0, 1, 1, 1, 0.0]), np.array([1, 0, 0, 0, 1.0])) == pytest.approx(3.5)
    assert np.isnan(crossing(times, np.ones(5), np.zeros(5)))
    assert crossing(times, np.zeros(5), np.ones(5)) == 0


def test_composed_pairs_pass_between_every_two_styles():
    pairs = composed_pairs(30)
    assert len(set(pairs)) == 30
    styles = {(asked_by(a)["style"], asked_by(b)["style"]) for a, b in pairs}
    assert len(styles) == 30
    assert all(a != b for a, b in styles)


def test_pairs_come_from_a_file_and_a_wrong_file_is_explained(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text('pair,prompt_a,prompt_b\n1,"slow, warm pad",jazz\n')
    assert read_pairs(path) == [("slow, warm pad", "jazz")]
    path.write_text("a,b\n1,2\n")
    with pytest.raises(LmdmTrainError, match="has no column 'prompt_a'"):
        read_pairs(path)
    path.write_text("prompt_a,prompt_b\n")
    with pytest.raises(LmdmTrainError, match="holds 0 pairs"):
        read_pairs(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(LmdmTrainError, match="cannot be read as CSV"):
        read_pairs(path)


def test_pairs_that_the_judge_cannot_tell_apart_are_left_out_and_counted(judge):
    audio = torch.cat((played("changes"), played("changes")[:1]))
    found = transition("x", judge, [*PAIRS, ("whale song", "wind")], audio, Fade(16, 0, 16), BLOCK)
    assert (found.pairs, found.left_out) == (2, 1)
    with pytest.raises(LmdmTrainError, match="can tell none of 1 pairs of prompts apart"):
        transition("x", judge, [("whale song", "wind")], audio[:1], Fade(16, 0, 16), BLOCK)


def test_an_instrument_plays_all_pairs_in_one_batch(judge):
    instrument = small_instrument("tiny")
    # The tiny codec's blocks last 0.7 ms: only that all of them are asked for can be tested in a moment.
    seen: list[int] = []
    with pytest.raises((LmdmTrainError, RuntimeError)):
        play_transition(instrument, "tiny", judge, PAIRS, Fade(2, 2, 2), on_block=seen.append)
    assert seen == [1, 2, 3, 4, 5, 6]
