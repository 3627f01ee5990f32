"""The interface of a backend: named buffers that live where the device is, and graphs bound to them once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from numpy.typing import NDArray

from lmdm_runtime.manifest import Port

FLOAT32 = "float32"


class Buffer(ABC):
    """Memory of one fixed shape and type. A graph writes it as an output, another reads it as an input, and nothing is copied."""

    port: Port

    @property
    @abstractmethod
    def address(self) -> int:
        """Where the memory is; never changes."""

    @abstractmethod
    def write(self, values: NDArray) -> None:
        """Copies host values of the buffer's shape in."""

    @abstractmethod
    def read(self) -> NDArray:
        """A host copy of the values."""


class Binding(ABC):
    """A graph with a buffer at every input and output."""

    @abstractmethod
    def run(self) -> None:
        """One run; returns when the outputs are written.

        Raises:
            RuntimeFault: the graph failed.
        """


class Backend(ABC):
    """Loads the graphs of one bundle.

    Attributes:
        name: as `lmdm_runtime.backends.ENGINES` has it.
        precision: what the graphs `rounded` are computed in, whatever their weights and ports are; all others are computed in float32.
        rounded: none where the precision is float32.
    """

    name: str
    precision: str = FLOAT32
    rounded: tuple[str, ...] = ()

    @abstractmethod
    def buffer(self, port: Port) -> Buffer:
        """A new buffer of zeros."""

    @abstractmethod
    def bind(self, graph: str, buffers: Mapping[str, Buffer]) -> Binding:
        """The graph with its inputs and outputs at `buffers`, by port name; names that the graph does not have are ignored.

        Raises:
            BundleError: the graph does not load, or disagrees with the manifest.
            RuntimeFault: a port has no buffer, or one of another shape or type.
        """
