"""Gradients and numbers averaged over processes by one reduction of one flat tensor: no wrapper around the modules."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn


def average_over_processes(
    fabric: Fabric, parameters: Sequence[nn.Parameter], numbers: Sequence[float], buffers: Sequence[tuple[Tensor, Tensor]] = ()
) -> list[float]:
    """Replace every gradient by its mean over the processes; returns the means of `numbers`.

    A parameter that some processes have no gradient of counts as zero there, and keeps none where no process has one.

    Args:
        buffers: running moments, each with its value before the step; those that have moved become their mean over the processes.
    """
    if fabric.world_size == 1:
        return list(numbers)
    present = torch.tensor([float(p.grad is not None) for p in parameters], dtype=torch.float32, device=fabric.device)
    # float64 numbers would double the whole; two float32 hold one float64 closely enough for clocks and losses.
    high = torch.tensor(list(numbers), dtype=torch.float64)
    low = (high - high.float().double()).float()
    pieces = [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters]
    pieces += [buffer.flatten() for buffer, _ in buffers]
    flat = torch.cat([*(piece.float() for piece in pieces), present, high.float().to(present), low.to(present)])
    reduced = fabric.all_reduce(flat, reduce_op="mean")
    assert isinstance(reduced, Tensor)
    sizes = [piece.numel() for piece in pieces]
    *means, seen, coarse, fine = reduced.split([*sizes, len(parameters), len(numbers), len(numbers)])
    for parameter, mean, some in zip(parameters, means[: len(parameters)], seen.tolist(), strict=True):
        parameter.grad = mean.view_as(parameter).to(parameter.dtype) if some else None
    for (buffer, before), mean in zip(buffers, means[len(parameters) :], strict=True):
        # A constant stays what it is: the mean of three equal numbers may differ from them in its last bit.
        if not torch.equal(buffer, before):
            buffer.copy_(mean.view_as(buffer))
    return (coarse.double() + fine.double()).tolist()
