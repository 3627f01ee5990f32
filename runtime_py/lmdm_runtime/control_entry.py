"""What a manifest says of local controls, as typed data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Group:
    """A group of the additive input: the graphs take it as `control_NAME`."""

    name: str
    channels: int


@dataclass(frozen=True)
class Axis:
    """What the channels of a sketch's group after its presence stand for; `values` rise."""

    unit: Literal["dB", "Hz"]
    values: tuple[float, ...]


@dataclass(frozen=True)
class ControlEntry:
    """One local control. Where it is absent its groups are zero.

    `source`: `sketch` is computed from audio by the graph `sketch`, `accompaniment` is another stream through the codec, `caller` is set
    as it is. `presence` is the channel of a sketch's group that is 1 where the control is given. `cutoff` counts the frames from the
    window's start on which an accompaniment may be seen, `t_f` the same from the block's start (negative: it ends before the block).
    """

    kind: str
    source: Literal["sketch", "accompaniment", "caller"]
    groups: tuple[Group, ...]
    presence: int | None = None
    cutoff: int | None = None
    t_f: int | None = None
    axis: Axis | None = None


@dataclass(frozen=True)
class SketchEntry:
    """The graph `sketch`: `medians` are the lengths of its smoothing in frames, in the order of its input, `median` is the default."""

    medians: tuple[int, ...]
    median: int
    states: str


def control_entry(entry: dict[str, Any]) -> ControlEntry:
    """From an entry of the manifest that follows the schema."""
    axis = entry.get("axis")
    drawn = None if axis is None else Axis(axis["unit"], tuple(float(value) for value in axis["values"]))
    return ControlEntry(**{**entry, "groups": tuple(Group(**group) for group in entry["groups"]), "axis": drawn})


def sketch_entry(entry: dict[str, Any] | None) -> SketchEntry | None:
    """From the manifest, where there is one."""
    return None if entry is None else SketchEntry(tuple(entry["medians"]), entry["median"], entry["states"])
