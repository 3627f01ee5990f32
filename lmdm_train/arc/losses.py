"""The adversarial losses of ARC-Forcing (paper Eq. 6 and 7) and the alternatives of the released code."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from lmdm_train.arc.settings import LossSettings


def generator_loss(kind: str, real: Tensor, fake: Tensor) -> Tensor:
    """What the generator minimises, from scores [B, places] of music and of rollouts. It falls when rollouts score higher."""
    if kind == "relativistic":
        return F.softplus(real - fake).mean()
    if kind == "lsgan":
        return (1 - fake).square().mean()
    return (1 - (fake - real)).square().mean()


def discriminator_loss(kind: str, real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator minimises, Eq. 6: it falls when music scores higher than the rollout from the same start."""
    if kind == "relativistic":
        return F.softplus(fake - real).mean()
    if kind == "lsgan":
        return (1 - real).square().mean() + fake.square().mean()
    return (1 - (real - fake)).square().mean()


def contrastive_loss(matched: Tensor, mismatched: Tensor, valid: Tensor) -> Tensor:
    """Eq. 7 on scores [B, places] of music with its own and with another item's condition, over the items [B] that have a negative."""
    each = F.softplus(mismatched - matched).mean(dim=1)
    return (each * valid).sum() / valid.sum().clamp(min=1)


def noised(frames: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """`q_k`: (1 - t) x + t ε for frames and noise [B, C, L] and levels t [B]."""
    return (1 - t[:, None, None]) * frames + t[:, None, None] * noise


def gradient_penalty(score: Callable[[Tensor], Tensor], noisy: Tensor, settings: LossSettings) -> Tensor:
    """R1 or R2 at `noisy` [B, C, L] (Mescheder et al. 2018), mean over the batch.

    `exact`: squared norm of the gradient of an item's summed scores. `difference`: squared change of its scores under a little noise,
    which for one score is on average `penalty_noise` squared times the exact one.
    """
    if settings.penalty == "difference":
        moved = noisy + settings.penalty_noise * torch.randn_like(noisy)
        return (score(moved) - score(noisy)).square().sum(dim=1).mean()
    at = noisy.detach().requires_grad_(True)
    # Fused attention has no second derivative.
    with sdpa_kernel(SDPBackend.MATH):
        (gradient,) = torch.autograd.grad(score(at).sum(), at, create_graph=True)
    return gradient.square().sum(dim=(1, 2)).mean()
