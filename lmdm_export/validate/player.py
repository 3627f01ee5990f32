"""The runtime side: a bundle through `lmdm_runtime`, healthy or with one fault."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lmdm_export.validate.controls import Fault
from lmdm_export.validate.scenario import Scenario
from lmdm_export.validate.truth import Arrays, Tick
from lmdm_runtime.backends.base import Backend, Buffer
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.codec_stream import StreamDecoder
from lmdm_runtime.engine import Engine
from lmdm_runtime.session import Session

HEALTHY = Fault("healthy")


def run_graph(bundle: Bundle, backend: Backend, graph: str, inputs: Mapping[str, NDArray]) -> Arrays:
    """One run of a graph in buffers of its own: its outputs by name."""
    entry = bundle.manifest.graphs[graph]
    buffers: dict[str, Buffer] = {port.name: backend.buffer(port) for port in (*entry.inputs, *entry.outputs)}
    binding = backend.bind(graph, buffers)
    for port in entry.inputs:
        buffers[port.name].write(inputs[port.name])
    binding.run()
    return {port.name: buffers[port.name].read() for port in entry.outputs}


def play(
    bundle: Bundle,
    backend: Backend,
    scenario: Scenario,
    *,
    fault: Fault = HEALTHY,
    audio: NDArray | None = None,
    tick: Tick | None = None,
) -> NDArray[np.float32]:
    """The scenario's clean blocks [blocks, channels, o], as a session makes them; `audio` primes it."""
    session = Session(fault.apply(bundle), seed=scenario.seed + fault.seed_offset, backend=fault.wrap(backend))
    return played(session, scenario, audio, tick)


def play_native(bundle: Bundle, scenario: Scenario, threads: int | None, tick: Tick | None = None) -> NDArray[np.float32]:
    """The same blocks from the C++ engine, which must be installed; it reads the bundle's folder itself."""
    from lmdm_runtime.native import NativeSession

    return played(NativeSession(bundle, scenario.seed, threads=threads), scenario, tick=tick)


def played(session: Engine, scenario: Scenario, audio: NDArray | None = None, tick: Tick | None = None) -> NDArray[np.float32]:
    """What a session that has not begun makes of the scenario."""
    for prompt, embedding in scenario.embeddings.items():
        session.set_embedding(prompt, embedding)
    for name, values in scenario.controls.items():
        session.set_control(name, values)
    if scenario.sketch is not None:
        session.sketch.choose(scenario.sketched, scenario.smoothing)
        session.sketch.feed(np.tile(scenario.sketch, (session.bundle.manifest.codec.audio_channels, 1)))
    if scenario.accompaniment is not None:
        session.accompaniment.feed_frames(scenario.accompaniment)
    if audio is not None:
        session.prime(audio)
    made = []
    for block in range(scenario.blocks):
        if block in scenario.timeline:
            session.set_prompts(scenario.timeline[block])
        made.append(session.next_latents()[0])
        if tick is not None:
            tick()
    return np.stack(made)


def decode_stream(bundle: Bundle, backend: Backend, frames: NDArray[np.float32], fault: Fault = HEALTHY) -> NDArray[np.float32]:
    """Frames [channels, N] decoded block by block, without the silence of the codec's delay: [channels, (N - delay) * frame_size]."""
    decoder = StreamDecoder(bundle, fault.wrap(backend))
    block, codec = bundle.manifest.model.block, bundle.manifest.codec
    parts = [decoder.decode(frames[None, :, start : start + block]) for start in range(0, frames.shape[1] - block + 1, block)]
    return np.concatenate(parts, axis=1)[:, codec.decoder.delay * codec.frame_size :]
