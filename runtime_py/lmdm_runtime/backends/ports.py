"""What backends on the host share: aligned memory, the buffers at a graph's ports, and a graph's ports against the manifest's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lmdm_runtime.backends.base import Buffer
from lmdm_runtime.errors import BundleError, RuntimeFault
from lmdm_runtime.manifest import GraphEntry, Port

ALIGNMENT = 64
B = TypeVar("B", bound=Buffer)


def aligned_zeros(port: Port) -> NDArray:
    """Zeros of the port's shape and type; the array keeps its memory alive."""
    dtype = np.dtype(port.dtype)
    size = int(np.prod(port.shape)) * dtype.itemsize
    memory = np.zeros(size + ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(port.shape)


def bound_buffers(entry: GraphEntry, ports: tuple[Port, ...], buffers: Mapping[str, Buffer], kind: type[B]) -> dict[str, B]:
    """The buffer of each port, all of them of one backend's `kind`.

    Raises:
        RuntimeFault: a port has no buffer, or one of another backend, shape or type.
    """
    bound = {}
    for port in ports:
        buffer = buffers.get(port.name)
        if not isinstance(buffer, kind):
            raise RuntimeFault(f"graph {entry.name} was bound without {port.name}; pass a buffer of this backend for each of its ports")
        if (buffer.port.shape, buffer.port.dtype) != (port.shape, port.dtype):
            raise RuntimeFault(
                f"graph {entry.name} takes {port.name} as {port.dtype} {list(port.shape)}, "
                f"its buffer is {buffer.port.dtype} {list(buffer.port.shape)}; export the checkpoint again with lmdm export"
            )
        bound[port.name] = buffer
    return bound


def require_same_ports(entry: GraphEntry, side: str, stated: tuple[Port, ...], found: Mapping[str, tuple[list[int], str]]) -> None:
    """Hold what a library found in a graph, name -> (shape, numpy type), against the manifest.

    Raises:
        BundleError: they differ.
    """
    expected = {port.name: (list(port.shape), port.dtype) for port in stated}
    if set(expected) != set(found):
        name = sorted(set(expected) ^ set(found))[0]
        where = "only in the manifest" if name in expected else "only in the graph"
        raise BundleError(f"{entry.file} and the manifest disagree on {side} {name}, which is {where}; export the checkpoint again")
    for name, (shape, dtype) in expected.items():
        if found[name] != (shape, dtype):
            raise BundleError(
                f"{entry.file} has {side} {name} as {found[name][1]} {found[name][0]}, the manifest states {dtype} {shape}; "
                "export the checkpoint again with lmdm export"
            )


def first_line(error: Exception) -> str:
    """A library's complaint, short enough for one sentence."""
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
