"""Inputs of the network's graphs as they are in use, recorded while the float32 bundle plays its own closed loop."""

from __future__ import annotations

from collections.abc import Callable

from lmdm_export.precision.network import network_graphs, steps_of
from lmdm_export.precision.quantise import Feed
from lmdm_export.precision.reference import other_take
from lmdm_export.validate.controls import Buffers, Fault, Run
from lmdm_export.validate.player import HEALTHY, play
from lmdm_export.validate.scenario import Scenario
from lmdm_export.validate.truth import Tick
from lmdm_runtime.backends.base import Backend
from lmdm_runtime.bundle import Bundle

MOST_FEEDS = 24
"""Runs that a graph is calibrated on: ranges of activations hardly move after that, and each holds all keys and values of the context."""

TAKE = 1000
"""Offset of the seed: a variant is not calibrated on the noise that it is measured with."""


def recorded(bundle: Bundle, backend: Backend, scenario: Scenario, tick: Tick | None = None) -> dict[str, list[Feed]]:
    """Graph -> inputs of up to `MOST_FEEDS` of its runs, spread over the closed loop."""
    runs = {"context_encoder": scenario.blocks, "cached_decoder": scenario.blocks * steps_of(bundle.manifest)}
    feeds: dict[str, list[Feed]] = {}
    tapped = backend
    for graph in network_graphs(bundle):
        feeds[graph] = []
        stride = max(1, -(-runs.get(graph, 1) // MOST_FEEDS))
        names = [port.name for port in bundle.manifest.graphs[graph].inputs]
        tapped = Fault(f"tap {graph}", graph, _tap(names, stride, feeds[graph])).wrap(tapped)
    play(bundle, tapped, other_take(scenario, TAKE), fault=HEALTHY, tick=tick)
    return feeds


def _tap(names: list[str], stride: int, feeds: list[Feed]) -> Callable[[], Run]:
    def make() -> Run:
        seen = 0

        def run(healthy: Callable[[], None], buffers: Buffers) -> None:
            nonlocal seen
            if seen % stride == 0 and len(feeds) < MOST_FEEDS:
                feeds.append(_read(names, buffers))
            seen += 1
            healthy()

        return run

    return make


def _read(names: list[str], buffers: Buffers) -> Feed:
    return {name: buffers[name].read() for name in names}
