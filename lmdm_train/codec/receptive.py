"""How far a chain of convolutions looks to each side, from its kernels, strides, dilations and paddings alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from torch import nn


class Reach(NamedTuple):
    """One convolution, as far as its reach is concerned."""

    kernel: int
    stride: int
    dilation: int
    padding: int
    transposed: bool

    def inputs_of(self, first: int, last: int) -> tuple[int, int]:
        """First and last input sample that the output samples `first` to `last` depend on."""
        span = (self.kernel - 1) * self.dilation
        if self.transposed:
            return -((span - first - self.padding) // self.stride), (last + self.padding) // self.stride
        return first * self.stride - self.padding, last * self.stride - self.padding + span


def reaches(module: nn.Module) -> list[Reach]:
    """The convolutions of a module in the order in which they run; residual shortcuts lie inside what they bypass."""
    found = []
    for part in module.modules():
        if isinstance(part, nn.Conv1d | nn.ConvTranspose1d):
            numbers = (part.kernel_size[0], part.stride[0], part.dilation[0], int(part.padding[0]))
            found.append(Reach(*numbers, transposed=isinstance(part, nn.ConvTranspose1d)))
    return found


def needed_inputs(chain: Iterable[Reach], first: int, last: int) -> tuple[int, int]:
    """First and last input sample of a whole chain for the output samples `first` to `last`; edges of the signal are ignored."""
    for reach in reversed(list(chain)):
        first, last = reach.inputs_of(first, last)
    return first, last


def frames_around_decoded(module: nn.Module, frame_size: int) -> tuple[int, int]:
    """Frames to the left and right of a frame that its `frame_size` output samples depend on."""
    first, last = needed_inputs(reaches(module), 0, frame_size - 1)
    return max(0, -first), max(0, last)


def frames_around_encoded(module: nn.Module, frame_size: int) -> tuple[int, int]:
    """Frames' worth of samples to the left and right of its own that an encoded frame depends on, rounded up."""
    first, last = needed_inputs(reaches(module), 0, 0)
    return max(0, -(first // frame_size)), max(0, last // frame_size)
