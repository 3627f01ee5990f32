"""The losses of ARC-Forcing against numbers worked out by hand, their signs, the penalties, and who counts as a negative."""

from __future__ import annotations

import math
import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lmdm_train.arc.losses import contrastive_loss, discriminator_loss, generator_loss, gradient_penalty, noised
from lmdm_train.arc.mismatch import mismatched_order
from lmdm_train.arc.settings import LossSettings
from lmdm_train.model.attention import SelfAttention

KINDS = ["relativistic", "lsgan", "relativistic-lsgan"]


def test_equation_6_by_hand():
    """f(D_fake - D_real) with f = softplus, minimised by the discriminator; the generator minimises f of the opposite."""
    real, fake = torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    assert discriminator_loss("relativistic", real, fake).item() == pytest.approx((math.log(1 + math.exp(-1)) + math.log(2)) / 2)
    assert generator_loss("relativistic", real, fake).item() == pytest.approx((math.log(1 + math.exp(1)) + math.log(2)) / 2)


def test_least_squares_by_hand():
    real, fake = torch.tensor([[2.0]]), torch.tensor([[0.5]])
    assert discriminator_loss("lsgan", real, fake).item() == pytest.approx(1.0 + 0.25)
    assert generator_loss("lsgan", real, fake).item() == pytest.approx(0.25)
    assert discriminator_loss("relativistic-lsgan", real, fake).item() == pytest.approx(0.25)
    assert generator_loss("relativistic-lsgan", real, fake).item() == pytest.approx(6.25)


def test_equation_7_by_hand():
    matched, mismatched = torch.tensor([[1.0, 0.0], [3.0, 3.0]]), torch.tensor([[0.0, 0.0], [5.0, 5.0]])
    first = (math.log(1 + math.exp(-1)) + math.log(2)) / 2
    second = math.log(1 + math.exp(2))
    assert contrastive_loss(matched, mismatched, torch.tensor([True, True])).item() == pytest.approx((first + second) / 2)
    assert contrastive_loss(matched, mismatched, torch.tensor([True, False])).item() == pytest.approx(first)
    assert contrastive_loss(matched, mismatched, torch.tensor([False, False])).item() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_each_player_wants_what_it_should(kind):
    """The generator's loss falls as rollouts score higher; the discriminator's as music does against rollouts. Never the reverse."""
    real = torch.tensor([[0.2, -0.3]], requires_grad=True)
    fake = torch.tensor([[0.1, -0.2]], requires_grad=True)
    (up,) = torch.autograd.grad(generator_loss(kind, real, fake), fake)
    assert bool((up < 0).all())
    d_real, d_fake = torch.autograd.grad(discriminator_loss(kind, real, fake), (real, fake))
    assert bool((d_real < 0).all())
    # Plain least squares draws rollouts towards 0 from either side.
    assert bool(((d_fake if kind != "lsgan" else d_fake * fake.sign()) > 0).all())


def test_the_discriminator_wants_the_right_condition():
    matched = torch.tensor([[0.0]], requires_grad=True)
    mismatched = torch.tensor([[0.0]], requires_grad=True)
    a, b = torch.autograd.grad(contrastive_loss(matched, mismatched, torch.tensor([True])), (matched, mismatched))
    assert a.item() < 0 < b.item()


def test_noise_of_a_level():
    """`x_t = (1 - t) x + t ε`: data at 0 and noise at 1, each item at its own level."""
    frames, noise = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    mixed = noised(frames, torch.tensor([0.0, 1.0]), noise)
    assert torch.equal(mixed[0], frames[0])
    assert torch.equal(mixed[1], noise[1])


def test_the_exact_penalty_is_the_gradients_norm_and_the_difference_estimates_it():
    torch.manual_seed(0)
    weight = torch.randn(1, 3, 5, dtype=torch.float64)
    x = torch.randn(2000, 3, 5, dtype=torch.float64)

    def linear(x):
        return (weight * x).sum(dim=(1, 2))[:, None]

    exact = gradient_penalty(linear, x, LossSettings(penalty="exact"))
    assert exact.item() == pytest.approx(weight.square().sum().item())
    rough = gradient_penalty(linear, x, LossSettings(penalty_noise=0.05))
    assert rough.item() == pytest.approx(0.05**2 * exact.item(), rel=0.1)
    squared = gradient_penalty(lambda x: x.square().sum(dim=(1, 2))[:, None], x, LossSettings(penalty="exact"))
    assert squared.item() == pytest.approx(4 * x.square().sum(dim=(1, 2)).mean().item())


def test_the_exact_penalty_teaches_an_attention():
    """Second derivatives through attention exist and reach its weights."""
    torch.manual_seed(0)
    attention = SelfAttention(8, 2)
    torch.nn.init.normal_(attention.to_out.weight)

    def score(x):
        q, kv = attention.project(x.transpose(1, 2))
        return attention.attend(q, kv, None).sum(dim=-1)

    gradient_penalty(score, torch.randn(2, 8, 5), LossSettings(penalty="exact")).backward()
    assert bool(attention.to_qkv.weight.grad.any())


@given(st.lists(st.sampled_from("abcdefg"), max_size=12), st.integers(0, 2**32))
def test_a_negative_asks_for_something_else(asked, seed):
    order, valid = mismatched_order(asked, random.Random(seed))
    assert sorted(order) == list(range(len(asked)))
    assert valid == [asked[i] != asked[j] for i, j in enumerate(order)]
    most = max((asked.count(name) for name in asked), default=0)
    rest = len(asked) - most
    # As many items as possible have a negative: those of the commonest request outnumber the others, or all do.
    assert sum(valid) == (len(asked) if most <= rest else 2 * rest)


def test_the_released_roll_is_no_derangement_and_ours_is():
    """Control (facts sheet §8.9): rolling in place gives the last of two items the first one's new prompt, which is its own."""
    prompts = ["a", "b"]
    prompts[0] = prompts[1]
    prompts[1] = prompts[0]
    assert prompts[1] == "b"
    assert mismatched_order(["a", "b"], random.Random(0)) == ([1, 0], [True, True])
    assert mismatched_order(["a"], random.Random(0)) == ([0], [False])
    assert mismatched_order(["a", "a"], random.Random(0))[1] == [False, False]
    orders = {tuple(mismatched_order(list("abcd"), random.Random(seed))[0]) for seed in range(300)}
    assert len(orders) == 9, "all derangements of four"
