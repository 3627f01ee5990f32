"""Pictures of a validation: a heatmap of the error per graph output, the error curve of the rollout, the seams of the audio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lmdm_export.validate.metrics import EPSILON
from lmdm_runtime.backends import ENGINES

CURVE_STYLES: dict[str, dict[str, object]] = {
    "bound": {"color": "black", "linestyle": "--"},
    **{engine: {"color": "tab:blue", "linewidth": 2.2} for engine in ENGINES},
}


def _figure(width: float, height: float, rows: Sequence[float] = (1.0,)):  # type: ignore[no-untyped-def]
    """A figure and its axes, one below the other, with `rows` as relative heights."""
    # A figure without pyplot needs no display and keeps no global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(len(rows), 1, squeeze=False, height_ratios=list(rows))[:, 0]


AXES = {"audio": ("channel", "sample"), "embedding": ("token", "feature"), "frames": ("channel", "frame"), "velocity": ("channel", "frame")}
MOST_COLUMNS = 600


class Image(NamedTuple):
    """Largest ratio of error to bound, [rows, columns], and what the axes are."""

    values: np.ndarray
    row: str
    column: str


def _as_image(name: str, ratio: np.ndarray) -> Image:
    """Largest ratio over the batch; outputs that are no pictures by nature become one row."""
    row, column = AXES.get(name, ("", "element"))
    values = ratio.max(axis=0) if row and ratio.ndim == 3 else ratio.reshape(1, -1)
    return Image(_narrowed(values), row, column if values.shape[1] <= MOST_COLUMNS else f"{column}, largest of each few")


def _narrowed(values: np.ndarray) -> np.ndarray:
    """At most `MOST_COLUMNS` columns; a column stands for the largest of those that it replaces."""
    width = -(-values.shape[1] // MOST_COLUMNS)
    padded = np.pad(values, ((0, 0), (0, -values.shape[1] % width)))
    return padded.reshape(values.shape[0], -1, width).max(axis=2)


def plot_graph_errors(path: Path, graph: str, ratios: Mapping[str, np.ndarray]) -> Path:
    """One heatmap for every output of a graph (layers of one kind share a picture): log10 of |error| over its bound, `ratios` by output."""
    from matplotlib.ticker import MaxNLocator

    images = _grouped(ratios)
    figure, axes = _figure(9.0, 0.8 + sum(_height(image) for image in images.values()), [_height(image) for image in images.values()])
    for axis, (name, image) in zip(axes, images.items(), strict=True):
        shown = np.log10(np.maximum(image.values, 1e-12))
        drawn = axis.imshow(shown, aspect="auto", origin="lower", interpolation="nearest", vmin=-4.0, vmax=1.0, cmap="magma")
        axis.set_title(f"{graph}: {name}", fontsize=9, loc="left")
        axis.set_ylabel(image.row, fontsize=8)
        axis.set_xlabel(image.column, fontsize=8)
        axis.tick_params(labelsize=7)
        axis.yaxis.set_major_locator(MaxNLocator(integer=True))
        if image.values.shape[0] == 1:
            axis.set_yticks([])
    bar = figure.colorbar(drawn, ax=list(axes), label="log10(error / bound)", fraction=0.03)
    bar.ax.axhline(0.0, color="white", linewidth=1.5)
    return _save(figure, path)


def _height(image: Image) -> float:
    """Inches."""
    return 0.9 if image.values.shape[0] == 1 else 2.0


def _grouped(ratios: Mapping[str, np.ndarray]) -> dict[str, Image]:
    """Images by title; keys and values named KIND_NN or KIND_NN_out become rows of one image, a layer each."""
    images: dict[str, Image] = {}
    layers: dict[str, list[np.ndarray]] = {}
    for name, ratio in ratios.items():
        kind, _, number = name.removesuffix("_out").rpartition("_")
        if number.isdigit() and ratio.ndim == 4:
            layers.setdefault(f"{kind} of every layer", []).append(ratio.max(axis=(0, 1, 3)))
        else:
            images[name] = _as_image(name, ratio)
    return {**{name: Image(np.stack(rows), "layer", "token") for name, rows in layers.items()}, **images}


def plot_curves(path: Path, title: str, curves: Mapping[str, np.ndarray], changes: Iterable[int]) -> Path:
    """Largest error of every block on a log scale; `changes` are the blocks at which another prompt becomes dominant."""
    figure, (axis,) = _figure(10.0, 4.6)
    for name, curve in curves.items():
        shown = np.maximum(np.asarray(curve, float), EPSILON * 1e-3)
        axis.semilogy(np.arange(len(curve)), shown, label=name, **CURVE_STYLES.get(name, {"linewidth": 1.0}))
    for number, block in enumerate(changes):
        axis.axvline(block, color="0.8", linewidth=1.0, zorder=0, label=None if number else "prompt change")
    axis.set_title(title, fontsize=10, loc="left")
    axis.set_xlabel("block")
    axis.set_ylabel("largest absolute error of a latent")
    axis.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return _save(figure, path)


def plot_audio(path: Path, reference: np.ndarray, others: Mapping[str, np.ndarray], boundaries: Sequence[int], rate: int) -> Path:
    """The waveform of the reference [channels, samples], and the error of `others` over time with the block boundaries."""
    figure, (wave, error) = _figure(10.0, 5.0, (1.0, 1.0))
    seconds = np.arange(reference.shape[1]) / rate
    wave.plot(seconds, reference[0], linewidth=0.4, color="tab:blue")
    wave.set_ylabel("amplitude")
    wave.set_title("one decode of all frames (torch)", fontsize=9, loc="left")
    for name, audio in others.items():
        error.semilogy(seconds, np.maximum(np.max(np.abs(audio - reference), axis=0), 1e-10), linewidth=0.5, label=name)
    for boundary in boundaries:
        error.axvline(boundary / rate, color="0.85", linewidth=0.6, zorder=0)
    error.set_ylabel("absolute error")
    error.set_xlabel("seconds (grey: block boundaries)")
    error.legend(fontsize=7, loc="upper right")
    return _save(figure, path)


def _save(figure, path: Path) -> Path:  # type: ignore[no-untyped-def]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    figure.savefig(unfinished, dpi=110, format="png")
    unfinished.replace(path)
    return path
