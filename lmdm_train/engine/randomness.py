"""All randomness of a run follows from (seed, step, micro-batch, process), so nothing of a generator is ever saved."""

from __future__ import annotations

import hashlib
import random

import torch

from lmdm_train.engine.stage import StepRandom


def derived_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends on every part."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def step_random(seed: int, step: int, micro: int, rank: int, world: int) -> StepRandom:
    """Seed torch and make the generators of one micro-batch.

    What is drawn depends on `micro * world + rank`, so that two processes with one micro-batch each see the same data as one
    process with two micro-batches.
    """
    index = micro * world + rank
    torch.manual_seed(derived_seed("torch", seed, step, index))
    return StepRandom(
        step=step,
        micro=micro,
        rank=rank,
        python=random.Random(derived_seed("python", seed, step, index)),
        shared=random.Random(derived_seed("shared", seed, step, micro)),
    )
