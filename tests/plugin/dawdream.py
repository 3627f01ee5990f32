"""What the tests do with the plugin in DawDreamer; each function runs in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Render:
    """Seconds of stereo sound through the plugin.

    Attributes:
        values: parameters by the name that the plugin tells, from 0 to 1.
        automation: the same, a value for every sample.
        midi: a file of notes and controllers.
        state: a file that `save` of another render has written.
    """

    audio: np.ndarray
    rate: int
    block: int = 512
    values: dict[str, float] = field(default_factory=dict)
    automation: dict[str, np.ndarray] = field(default_factory=dict)
    midi: Path | None = None
    state: Path | None = None
    save: Path | None = None


@dataclass(frozen=True)
class Rendered:
    """`audio` is late by `latency` samples."""

    audio: np.ndarray
    latency: int
    texts: dict[str, str]


def render(vst3: Path, *renders: Render) -> list[Rendered]:
    """Each in an engine of its own; all engines live on."""
    engines: list[Any] = []
    return [_render(vst3, one, engines.append) for one in renders]


def _render(vst3: Path, one: Render, keep: Callable[[Any], None]) -> Rendered:
    import dawdreamer

    engine = dawdreamer.RenderEngine(one.rate, one.block)
    keep(engine)
    plugin = engine.make_plugin_processor("delay", str(vst3))
    source = engine.make_playback_processor("source", one.audio)
    if one.state is not None:
        plugin.load_state(str(one.state))
    places = {entry["name"]: entry["index"] for entry in plugin.get_parameters_description()}
    for name, value in one.values.items():
        plugin.set_parameter(places[name], value)
    for name, values in one.automation.items():
        plugin.set_automation(places[name], values.astype(np.float32))
    if one.midi is not None:
        plugin.load_midi(str(one.midi))
    engine.load_graph([(source, []), (plugin, ["source"])])
    engine.render(one.audio.shape[1] / one.rate)
    if one.save is not None:
        plugin.save_state(str(one.save))
    texts = {name: plugin.get_parameter_text(place) for name, place in places.items() if not name.startswith("MIDI CC")}
    return Rendered(engine.get_audio(), plugin.get_latency_samples(), texts)
