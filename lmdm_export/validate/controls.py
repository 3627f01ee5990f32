"""Faults made on purpose, between a session and its backend: what each step of the validation must catch.

A fault changes what one graph of the bundle reads or writes, in the buffers that it is bound to; the session itself is untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from lmdm_runtime.backends.base import Backend, Binding, Buffer
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.manifest import Manifest, Port

Buffers = Mapping[str, Buffer]
Arrays = dict[str, NDArray]

Change = Callable[[NDArray, NDArray], tuple[NDArray, NDArray]]
"""Keys and values of one layer -> others of the same shape."""

WRONG_ROTARY_BASE = 100.0
"""Factor on the rotary base: 10,000 for 1,000,000 and the reverse is the mix-up that published checkpoints invite."""


Run = Callable[[Callable[[], None], Buffers], None]
"""One run of the faulty graph: `run(healthy, buffers)`, where `healthy()` is the run without the fault on what the buffers hold."""


ROUNDING_OF_A_STEP = 5e-7
"""Four float32 roundings of a latent of size 1, about what torch's own velocity is off by."""


@dataclass(frozen=True)
class Fault:
    """A fault in the runs of `graph`, in the noise (`seed_offset`) or in the settings of the bundle (`settings`).

    `make()` gives the fault in its first state, as some remember earlier runs.
    """

    name: str
    graph: str | None = None
    make: Callable[[], Run] | None = None
    seed_offset: int = 0
    settings: Callable[[Bundle], Bundle] | None = None

    def apply(self, bundle: Bundle) -> Bundle:
        return bundle if self.settings is None else self.settings(bundle)

    def wrap(self, backend: Backend) -> Backend:
        return backend if self.graph is None or self.make is None else FaultyBackend(backend, self.graph, self.make)


class FaultyBackend(Backend):
    """A backend one of whose graphs has a fault."""

    def __init__(self, backend: Backend, graph: str, make: Callable[[], Run]) -> None:
        self.name = backend.name
        self._backend, self._graph, self._make = backend, graph, make

    def buffer(self, port: Port) -> Buffer:
        return self._backend.buffer(port)

    def bind(self, graph: str, buffers: Buffers) -> Binding:
        binding = self._backend.bind(graph, buffers)
        return FaultyBinding(binding, buffers, self._make()) if graph == self._graph else binding


class FaultyBinding(Binding):
    def __init__(self, binding: Binding, buffers: Buffers, fault: Run) -> None:
        self._binding, self._buffers, self._fault = binding, dict(buffers), fault

    def run(self) -> None:
        self._fault(self._binding.run, self._buffers)


@contextmanager
def replaced(buffers: Buffers, values: Arrays) -> Iterator[None]:
    """Other values in some buffers for one run, then the former ones: a cache must not be damaged a second time in the next step."""
    former = {name: buffers[name].read() for name in values}
    for name, value in values.items():
        buffers[name].write(value)
    try:
        yield
    finally:
        for name, value in former.items():
            buffers[name].write(value)


def stale_cross(depth: int) -> Run:
    """The conditioner's first result for ever: a prompt change that never reaches the network."""
    first: Arrays = {}

    def run(healthy: Callable[[], None], buffers: Buffers) -> None:
        healthy()
        names = [f"cross_{part}_{layer:02d}" for part in "kv" for layer in range(depth)]
        if not first:
            first.update({name: buffers[name].read() for name in names})
        for name, value in first.items():
            buffers[name].write(value)

    return run


def on_cache(change: Change, depth: int) -> Run:
    """`change(k, v)` of every layer, [B, heads, context, head width], while the decoder reads them."""

    def run(healthy: Callable[[], None], buffers: Buffers) -> None:
        values = {}
        for layer in range(depth):
            k, v = f"self_k_{layer:02d}", f"self_v_{layer:02d}"
            values[k], values[v] = change(buffers[k].read(), buffers[v].read())
        with replaced(buffers, values):
            healthy()

    return run


def turned(k: NDArray, angles: NDArray) -> NDArray:
    """Keys [B, heads, context, head width] rotated by further angles [context or 1, pairs]; pairs lie half a rotated width apart."""
    pairs = angles.shape[-1]
    cosine, sine = np.cos(angles), np.sin(angles)
    first, second = k[..., :pairs], k[..., pairs : 2 * pairs]
    return np.concatenate([first * cosine - second * sine, second * cosine + first * sine, k[..., 2 * pairs :]], axis=-1).astype(k.dtype)


def slide(frequencies: NDArray) -> Change:
    """Every frame stands one place too late: the newest is lost and the oldest is there twice.

    Keys turn on by one position. Without that nothing would change, for attention does not mind in which order it finds its keys.
    """

    def change(k: NDArray, v: NDArray) -> tuple[NDArray, NDArray]:
        late = turned(k, frequencies[None, :])
        return np.concatenate([k[:, :, :1], late[:, :, :-1]], axis=2), np.concatenate([v[:, :, :1], v[:, :, :-1]], axis=2)

    return change


def swap(k: NDArray, v: NDArray) -> tuple[NDArray, NDArray]:
    return v, k


def wrong_base(frequencies: NDArray, context: int) -> Change:
    """Keys as another rotary base would have turned them at positions 1..context; queries keep the right base."""
    wrong = frequencies * WRONG_ROTARY_BASE ** (-np.arange(len(frequencies)) / len(frequencies))
    angles = np.arange(1, context + 1)[:, None] * (wrong - frequencies)[None, :]
    return lambda k, v: (turned(k, angles), v)


def forget(initial: Arrays) -> Run:
    """A codec decoder whose carried state is back at its first values in every block."""

    def run(healthy: Callable[[], None], buffers: Buffers) -> None:
        for name, value in initial.items():
            buffers[name].write(value)
        healthy()

    return run


def blind(frames_before: int) -> Run:
    """A codec decoder that is shown silence in place of the frames before each block."""

    def run(healthy: Callable[[], None], buffers: Buffers) -> None:
        frames = buffers["frames"].read()
        frames[..., :frames_before] = 0.0
        with replaced(buffers, {"frames": frames}):
            healthy()

    return run


def disturb(size: float, seed: int) -> Run:
    """Gaussian noise of that size on the noisy block in every step: no fault, but what rounding looks like to a closed loop."""
    draw = np.random.default_rng(seed)

    def run(healthy: Callable[[], None], buffers: Buffers) -> None:
        x = buffers["x"].read()
        buffers["x"].write(x + size * draw.standard_normal(x.shape, dtype=np.float32))
        healthy()

    return run


def disturbance() -> Fault:
    """A few float32 roundings in every step."""
    return Fault("disturbed by rounding", "cached_decoder", partial(disturb, ROUNDING_OF_A_STEP, 0))


def cache_faults(manifest: Manifest) -> list[Fault]:
    """Faults of the self-attention cache, seen by one run of the decoder."""
    model = manifest.model
    frequencies = np.asarray(model.rotary_inv_freq, np.float64)
    changes: dict[str, Change] = {
        "cache slid by one frame": slide(frequencies),
        "wrong rotary base": wrong_base(frequencies, model.context),
        "swapped K and V": swap,
    }
    return [Fault(name, "cached_decoder", partial(on_cache, change, model.depth)) for name, change in changes.items()]


def noise_fault() -> Fault:
    return Fault("noise of another seed", seed_offset=1)


def prompt_fault(manifest: Manifest) -> Fault:
    return Fault("stale cross K/V after a prompt change", "conditioner", partial(stale_cross, manifest.model.depth))


def drop_fault() -> Fault:
    return Fault("context kept at a prompt change", settings=lambda bundle: with_context_drop(bundle, 0))


def with_context_drop(bundle: Bundle, frames: int) -> Bundle:
    """The same bundle, dropping so many frames when the dominant prompt changes."""
    manifest = bundle.manifest
    return replace(bundle, manifest=replace(manifest, sampling=replace(manifest.sampling, context_drop=frames)))


def decoder_fault(manifest: Manifest, initial: Arrays) -> Fault:
    """The codec decoder forgets: its state for a codec that carries one, the frames before the block for one that looks around."""
    streaming = manifest.codec.decoder
    if streaming.kind == "state":
        return Fault("decoder state reset in each block", "codec_decoder", lambda: forget(initial))
    return Fault("decoder without the frames before its block", "codec_decoder", lambda: blind(streaming.left))
