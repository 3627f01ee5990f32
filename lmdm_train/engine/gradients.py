"""Gradients and numbers averaged over processes by one reduction of one flat tensor: no wrapper around the modules."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn


def average_over_processes(fabric: Fabric, parameters: Sequence[nn.Parameter], numbers: Sequence[float]) -> list[float]:
    """Replace every gradient by its mean over the processes; returns the means of `numbers`.

    A parameter that some processes have no gradient of counts as zero there, and keeps none where no process has one.
    """
    if fabric.world_size == 1:
        return list(numbers)
    present = torch.tensor([float(p.grad is not None) for p in parameters], dtype=torch.float32, device=fabric.device)
    # float64 numbers would double the whole; two float32 hold one float64 closely enough for clocks and losses.
    high = torch.tensor(list(numbers), dtype=torch.float64)
    low = (high - high.float().double()).float()
    pieces = [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters]
    flat = torch.cat([*(piece.float() for piece in pieces), present, high.float().to(present), low.to(present)])
    reduced = fabric.all_reduce(flat, reduce_op="mean")
    assert isinstance(reduced, Tensor)
    sizes = [p.numel() for p in parameters]
    *means, seen, coarse, fine = reduced.split([*sizes, len(parameters), len(numbers), len(numbers)])
    for parameter, mean, some in zip(parameters, means, seen.tolist(), strict=True):
        parameter.grad = mean.view_as(parameter).to(parameter.dtype) if some else None
    return (coarse.double() + fine.double()).tolist()
