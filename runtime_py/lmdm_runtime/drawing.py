"""Sketches that are drawn, not heard: a curve of levels or of pitches becomes the group that the graph `sketch` makes of sound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmdm_runtime.control_entry import Axis, ControlEntry
from lmdm_runtime.errors import SessionError


def drawn_group(controls: Sequence[ControlEntry], kind: str, values: ArrayLike) -> tuple[str, NDArray[np.float32]]:
    """Name and values of the group of a bundle's sketch control `kind`; see `drawn`.

    Raises:
        SessionError: there is no such sketch control, or the values are not on its axis.
    """
    sketched = {control.kind: control for control in controls if control.source == "sketch"}
    if kind not in sketched:
        raise SessionError(f"this bundle has no sketch control {kind!r} to draw; its sketch controls are {', '.join(sketched) or 'none'}")
    return sketched[kind].groups[0].name, drawn(sketched[kind], values)


def drawn(control: ControlEntry, values: ArrayLike) -> NDArray[np.float32]:
    """The group [1 + channels, frames] of a sketch control from a curve over its axis.

    Args:
        values: a number, [frames], or [voices, frames], in the unit of the axis. A level is limited to the axis, a pitch becomes the
            nearest of its values, and several voices sound together. NaN is a rest of that voice: no pitch, or the lowest level.

    Raises:
        SessionError: the control cannot be drawn, another shape, values that are infinite, pitches that are not positive, or voices
            for a level, of which there is one.
    """
    axis = control.axis
    if axis is None:
        raise SessionError(f"control {control.kind} of this bundle cannot be drawn, since its manifest states no axis; feed it audio")
    try:
        curve = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise SessionError(f"a drawn {control.kind} takes numbers in {axis.unit}, found {values!r:.60}") from None
    curve = curve[None] if curve.ndim == 1 else curve
    most = 1 if axis.unit == "dB" else len(axis.values)
    if curve.ndim != 2 or not curve.shape[1] or not 1 <= curve.shape[0] <= most:
        raise SessionError(
            f"a drawn {control.kind} has shape {list(curve.shape)}, expected [frames]{'' if most == 1 else ' or [voices, frames]'}"
        )
    if np.isinf(curve).any() or (axis.unit == "Hz" and (curve <= 0).any()):
        raise SessionError(f"a drawn {control.kind} holds values that are no {axis.unit} (infinite, or not above 0 Hz); NaN is a rest")
    made = np.zeros((1 + len(axis.values), curve.shape[1]), dtype=np.float32)
    made[0] = 1
    made[1:] = _levels(axis, curve[0]) if axis.unit == "dB" else _pitches(axis, curve)
    return made


def _levels(axis: Axis, curve: NDArray[np.float64]) -> NDArray[np.float64]:
    heard = np.where(np.isnan(curve), axis.values[0], curve)
    return np.stack([np.interp(heard, axis.values, unit) for unit in np.eye(len(axis.values))])


def _pitches(axis: Axis, curve: NDArray[np.float64]) -> NDArray[np.float64]:
    made = np.zeros((len(axis.values), curve.shape[1]))
    for frame, voices in enumerate(curve.T):
        sounding = voices[np.isfinite(voices)]
        made[np.abs(np.log(sounding[:, None] / np.asarray(axis.values))).argmin(axis=1), frame] = 1
    return made
