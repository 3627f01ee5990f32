"""What is withheld is withheld as often as asked, from whom it should be, and from nobody else."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import torch
from scipy import stats

from lmdm_train.config import AdditiveInput, Layout
from lmdm_train.flow.dropout import ContextDropout, chosen, without_groups, without_history, without_items, without_oldest

LAYOUT = Layout(context=12, block=3)
MANY = 6000


def lengths(p_uncond: float, p_partial: float, partial: str = "frames", seed: int = 0) -> Counter[int]:
    dropout = ContextDropout(p_uncond=p_uncond, p_partial=p_partial, partial=partial)  # type: ignore[arg-type]
    return Counter(dropout.draw(MANY, LAYOUT, random.Random(seed)).tolist())


def test_null_and_partial_contexts_come_as_often_as_asked() -> None:
    counts = lengths(0.2, 0.3)
    null, none = counts[12], counts[0]
    assert stats.binomtest(null, MANY, 0.2).pvalue > 0.01
    assert stats.binomtest(MANY - null - none, MANY, 0.3).pvalue > 0.01
    assert stats.binomtest(null, MANY, 0.25).pvalue < 1e-6


def test_partial_lengths_are_uniform_in_frames_or_in_blocks() -> None:
    """Paper: any number of frames. Released: 48 times 1..4 inclusive, so that a quarter of them is a full drop (facts sheet §2)."""
    frames = lengths(0.0, 1.0)
    assert set(frames) == set(range(1, 12))
    assert stats.chisquare(list(frames.values())).pvalue > 0.01
    blocks = lengths(0.0, 1.0, "blocks")
    assert set(blocks) == {3, 6, 9, 12}
    assert stats.chisquare(list(blocks.values())).pvalue > 0.01
    # The effective share of null contexts of the released fine-tune is .2 + .3/4 = .275.
    assert stats.binomtest(lengths(0.2, 0.3, "blocks")[12], MANY, 0.275).pvalue > 0.01
    assert stats.binomtest(lengths(0.2, 0.3, "frames")[12], MANY, 0.275).pvalue < 1e-6


def test_the_oldest_frames_go() -> None:
    frames = torch.ones(3, 2, 5)
    kept = without_oldest(frames, torch.tensor([0, 2, 5]))
    assert kept[:, 0].tolist() == [[1, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0]]


def test_a_sketch_loses_its_history_only_where_the_context_is_null() -> None:
    controls = {"loudness": torch.ones(MANY, 2, 15), "accomp_input": torch.ones(MANY, 4, 15)}
    null = torch.tensor([12, 0] * (MANY // 2))
    without = without_history(controls, ["loudness"], null, 0.5, random.Random(0))
    assert torch.equal(without["accomp_input"], controls["accomp_input"])
    assert bool((without["loudness"][1::2] == 1).all())
    assert bool((without["loudness"][..., 12:] == 1).all())
    gone = int((without["loudness"][::2, 0, 0] == 0).sum())
    assert stats.binomtest(gone, MANY // 2, 0.5).pvalue > 0.01


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_items_and_groups_are_dropped_whole_and_independently(share: float) -> None:
    groups = (AdditiveInput(name="a", channels=1), AdditiveInput(name="b", channels=3))
    additive = without_groups(torch.ones(MANY, 4, 2), groups, share, random.Random(0))
    first, second = additive[:, :1], additive[:, 1:]
    for group in (first, second):
        assert bool((group.flatten(1) == group.flatten(1)[:, :1]).all())
        assert stats.binomtest(int((group[:, 0, 0] == 0).sum()), MANY, share).pvalue > 0.01
    both = int(((first[:, 0, 0] == 0) & (second[:, 0, 0] == 0)).sum())
    assert stats.binomtest(both, MANY, share**2).pvalue > 0.01

    items = chosen(MANY, share, random.Random(1))
    text = without_items(torch.ones(MANY, 3, 2), items)
    assert bool((text[items] == 0).all())
    assert bool((text[~items] == 1).all())
