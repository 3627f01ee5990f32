"""Negatives for the contrastive loss: every item gets the condition of another item that asks for something else (the 𝒫 of Eq. 7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

ATTEMPTS = 50


def mismatched_order(asked: Sequence[str], rng: Random) -> tuple[list[int], list[bool]]:
    """A permutation `order` of the items, item i getting the condition of item `order[i]`, and for which items that is another one.

    It is a derangement by what is asked for: the released code's last item got another's condition twice, and equal prompts counted
    as mismatched. Where more than half of the batch ask for the same, some of these have no negative; a batch of one, or of one
    prompt, has none at all.
    """
    count = len(asked)
    order = list(range(count))
    for _ in range(ATTEMPTS):
        rng.shuffle(order)
        if all(asked[i] != asked[j] for i, j in enumerate(order)):
            return order, [True] * count
    order = _rotated(asked, rng)
    return order, [asked[i] != asked[j] for i, j in enumerate(order)]


def _rotated(asked: Sequence[str], rng: Random) -> list[int]:
    """Items sorted by what they ask for, moved on by the size of the largest group: as many differ as can."""
    sizes = Counter(asked)
    names = sorted(sizes)
    rng.shuffle(names)
    rank = {name: place for place, name in enumerate(names)}
    items = list(range(len(asked)))
    rng.shuffle(items)
    items.sort(key=lambda i: rank[asked[i]])
    largest = max(sizes.values(), default=0)
    order = [0] * len(asked)
    for place, item in enumerate(items):
        order[item] = items[(place + largest) % len(items)]
    return order
