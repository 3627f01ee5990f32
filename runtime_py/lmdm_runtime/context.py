"""Keys and values of the clean context: encoded whole for every block (Algorithm 2), or block by block into a cache (Algorithm 3)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lmdm_runtime.backends.base import Backend, Binding, Buffer
from lmdm_runtime.contract import layer_names
from lmdm_runtime.manifest import Manifest
from lmdm_runtime.stateful import StatefulGraph

Controls = Mapping[str, NDArray]


class ContextCache(ABC):
    """Encodes the clean context into buffers that the cached decoder, bound here too, reads where they are.

    `cross` holds what the conditioner wrote, `block` the decoder's other inputs and its output, both by port name.
    """

    decoder: Binding

    @abstractmethod
    def encode(self, clean: NDArray, controls: Controls, *, anew: bool, hold: bool = False) -> Binding | None:
        """Takes the clean context [1, C, s] and its controls [1, c, s]; `anew` forgets what was kept of earlier blocks.

        With `hold`, the last run of the encoder has its inputs but is left to the caller, to whom it is returned.
        """


class WindowContext(ContextCache):
    """Algorithm 2: the whole context is encoded once a block, and nothing is kept."""

    def __init__(self, manifest: Manifest, backend: Backend, cross: Mapping[str, Buffer], block: Mapping[str, Buffer]) -> None:
        entry = manifest.graphs["context_encoder"]
        own = {port.name: backend.buffer(port) for port in (*entry.inputs, *entry.outputs) if port.name not in cross}
        self._inputs, self._encoder = own, backend.bind("context_encoder", {**cross, **own})
        cached = {port.name: own[port.name] for port in entry.outputs}
        self.decoder = backend.bind("cached_decoder", {**cross, **block, **cached})

    def encode(self, clean: NDArray, controls: Controls, *, anew: bool, hold: bool = False) -> Binding | None:
        self._inputs["context"].write(clean)
        for name, values in controls.items():
            self._inputs[f"control_{name}"].write(values)
        if hold:
            return self._encoder
        self._encoder.run()
        return None


class BlockContext(ContextCache):
    """Algorithm 3: only the newest block is encoded; raw keys and values of the newest `s` frames are carried from run to run."""

    def __init__(self, manifest: Manifest, backend: Backend, cross: Mapping[str, Buffer], block: Mapping[str, Buffer]) -> None:
        entry, model = manifest.graphs["context_encoder"], manifest.model
        self.context, self.block = model.context, model.block
        state = {port.name for port in entry.inputs if any(out.name == f"{port.name}_out" for out in entry.outputs)}
        fixed = [port for port in (*entry.inputs, *entry.outputs) if port.name not in cross and port.name not in state]
        own = {port.name: backend.buffer(port) for port in fixed if port.name.removesuffix("_out") not in state}
        self._inputs, self._frames = own, 0
        self._encoder = StatefulGraph(backend, entry, {**cross, **own})
        keys = {name: own[name] for name in layer_names("self_k", model.depth)}
        values = layer_names("self_v", model.depth)
        self._decoders = tuple(
            backend.bind("cached_decoder", {**cross, **block, **keys, **{name: side[name] for name in values}})
            for side in self._encoder.sides
        )

    @property
    def decoder(self) -> Binding:  # type: ignore[override]
        return self._decoders[self._encoder.turn]

    def encode(self, clean: NDArray, controls: Controls, *, anew: bool, hold: bool = False) -> Binding | None:
        if anew:
            self._frames = 0
        last = self.context - self.block
        for start in range(0 if anew else last, last, self.block):
            self._encode_block(clean, controls, start, hold=False)
        return self._encode_block(clean, controls, last, hold=hold)

    def _encode_block(self, clean: NDArray, controls: Controls, start: int, *, hold: bool) -> Binding | None:
        part = slice(start, start + self.block)
        self._inputs["context"].write(clean[..., part])
        self._inputs["past_frames"].write(np.array([self._frames], dtype=np.int64))
        for name, values in controls.items():
            self._inputs[f"control_{name}"].write(values[..., part])
        held = self._encoder.take_turn() if hold else None
        if held is None:
            self._encoder.run()
        self._frames = min(self._frames + self.block, self.context)
        return held
