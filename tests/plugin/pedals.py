"""What the tests do with the plugin in pedalboard; each function runs in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Play:
    """One call of the plugin after another.

    Attributes:
        audio: [channels, samples].
        pieces: lengths of the calls of `process`, the last of them repeated, none longer than the first, for which pedalboard would
            prepare the plugin once more; None: all at once.
        values: parameters as numbers from 0 to 1.
    """

    audio: np.ndarray
    rate: float
    buffer: int = 512
    pieces: tuple[int, ...] | None = None
    values: dict[str, float] = field(default_factory=dict)
    state: bytes | None = None


@dataclass(frozen=True)
class Played:
    """`audio` begins with the input's first sample, as pedalboard takes the latency off; it may end before the input does."""

    audio: np.ndarray
    latency: int
    state: bytes
    values: dict[str, float]
    texts: dict[str, str]


def load(vst3: Path) -> Any:
    import pedalboard

    return pedalboard.load_plugin(str(vst3))


def parameter(plugin: Any, name: str) -> Any:
    """By its name in lower case, without unit."""
    keys = [key for key in plugin.parameters if key == name or key.rpartition("_")[0] == name]
    assert len(keys) == 1, f"{name} of {list(plugin.parameters)}"
    return plugin.parameters[keys[0]]


def apply(plugin: Any, play: Play) -> None:
    if play.state is not None:
        plugin.raw_state = play.state
    for name, value in play.values.items():
        parameter(plugin, name).raw_value = value


def prepare(plugin: Any, play: Play) -> None:
    """Everything but the piece. pedalboard reads the latency before it activates a plugin: it has that of this rate the second time."""
    silence = np.zeros((play.audio.shape[0], 64), np.float32)
    for buffer in (play.buffer // 2, play.buffer):
        plugin.process(silence, play.rate, buffer_size=buffer)


def run(plugin: Any, play: Play) -> np.ndarray:
    """The audio from the beginning of a piece."""
    prepare(plugin, play)
    if play.pieces is None:
        return plugin.process(play.audio, play.rate, buffer_size=play.buffer)
    plugin.reset()
    made, place, call = [], 0, 0
    while place < play.audio.shape[1]:
        count = play.pieces[min(call, len(play.pieces) - 1)]
        made.append(piece(plugin, play, place, count))
        place, call = place + count, call + 1
    return np.concatenate(made, axis=1)


def piece(plugin: Any, play: Play, place: int, count: int) -> np.ndarray:
    """What comes out at once; less than what goes in until the latency has passed."""
    return plugin.process(play.audio[:, place : place + count], play.rate, buffer_size=play.buffer, reset=False)


def seen(plugin: Any, audio: np.ndarray) -> Played:
    parameters = plugin.parameters
    return Played(
        audio,
        plugin.reported_latency_samples,
        plugin.raw_state,
        {name: one.raw_value for name, one in parameters.items()},
        {name: one.string_value for name, one in parameters.items()},
    )


def play(vst3: Path, *plays: Play) -> list[Played]:
    """Each in an instance of its own, which lives on beside the others."""
    instances, made = [], []
    for one in plays:
        plugin = load(vst3)
        instances.append(plugin)
        apply(plugin, one)
        made.append(seen(plugin, run(plugin, one)))
    return made


def play_again(vst3: Path, one: Play, times: int) -> list[Played]:
    """The same in one instance, again and again from the beginning."""
    plugin = load(vst3)
    apply(plugin, one)
    return [seen(plugin, run(plugin, one)) for _ in range(times)]


def play_in_turn(vst3: Path, *plays: Play) -> list[np.ndarray]:
    """Instances whose calls alternate; all have the same pieces."""
    instances = [load(vst3) for _ in plays]
    for plugin, one in zip(instances, plays, strict=True):
        apply(plugin, one)
        prepare(plugin, one)
        plugin.reset()
    made: list[list[np.ndarray]] = [[] for _ in plays]
    (count,) = plays[0].pieces or (512,)
    for place in range(0, plays[0].audio.shape[1], count):
        for plugin, one, parts in zip(instances, plays, made, strict=True):
            parts.append(piece(plugin, one, place, count))
    return [np.concatenate(parts, axis=1) for parts in made]


def about(vst3: Path) -> dict[str, Any]:
    plugin = load(vst3)
    return {
        "name": plugin.name,
        "manufacturer": plugin.manufacturer_name,
        "identifier": plugin.identifier,
        "effect": plugin.is_effect,
        "parameters": {name: (one.label, one.string_value, one.raw_value) for name, one in plugin.parameters.items()},
    }


def mapped_libraries() -> list[str]:
    lines = Path("/proc/self/maps").read_text().splitlines()
    return sorted({line.rpartition("/")[2] for line in lines if ".so" in line})


def libraries_of_a_scan(vst3: Path, one: Play) -> dict[str, list[str]]:
    """Names of the libraries in the process: after a scan, which makes an instance, and after it played."""
    from pedalboard import VST3Plugin

    assert VST3Plugin.get_plugin_names_for_file(str(vst3)) == ["Generative Delay"]
    found = {"scanned": mapped_libraries()}
    plugin = load(vst3)
    apply(plugin, one)
    run(plugin, one)
    found["played"] = mapped_libraries()
    return found


def states_in_turn(vst3: Path, states: list[bytes]) -> bytes:
    """The state of an instance that was given these, one after the other."""
    plugin = load(vst3)
    for state in states:
        plugin.raw_state = state
    return plugin.raw_state
