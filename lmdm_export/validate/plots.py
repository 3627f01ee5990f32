"""Pictures of a validation: a heatmap of the error per graph output, the error curve of the rollout, the seams of the audio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from lmdm_export.validate.metrics import EPSILON

CURVE_STYLES: dict[str, dict[str, object]] = {
    "bound": {"color": "black", "linestyle": "--"},
    "onnxruntime": {"color": "tab:blue", "linewidth": 2.2},
}


def _figure(width: float, height: float, rows: int = 1):  # type: ignore[no-untyped-def]
    # A figure without pyplot needs no display and keeps no global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, 1, squeeze=False)[:, 0]


def _as_image(error: np.ndarray) -> tuple[np.ndarray, str, str]:
    """Largest error over all axes but the last two that say something: [rows, columns] and their names."""
    if error.ndim == 4:  # K or V [batch, heads, tokens, head width]
        return error.max(axis=(0, 3)), "head", "token"
    if error.ndim == 3:  # frames [batch, channels, frames], embeddings [batch, tokens, width], audio [batch, channels, samples]
        return error.max(axis=0), "channel or token", "frame, feature or sample"
    return error.reshape(1, -1), "", "element"


def plot_graph_errors(path: Path, graph: str, ratios: Mapping[str, np.ndarray]) -> Path:
    """One heatmap for every output of a graph (layers of one kind share a picture): log10 of |error| over its bound, `ratios` by output."""
    from matplotlib.ticker import MaxNLocator

    images = {name: np.log10(np.maximum(image, 1e-12)) for name, image in _grouped(ratios).items()}
    figure, axes = _figure(9.0, 0.8 + 2.0 * len(images), len(images))
    for axis, (name, image) in zip(axes, images.items(), strict=True):
        drawn = axis.imshow(image, aspect="auto", origin="lower", interpolation="nearest", vmin=-4.0, vmax=1.0, cmap="magma")
        axis.set_title(f"{graph}: {name}", fontsize=9, loc="left")
        axis.set_ylabel("layer" if name.endswith("of every layer") else _as_image(ratios[name])[1], fontsize=8)
        axis.set_xlabel("token" if name.endswith("of every layer") else _as_image(ratios[name])[2], fontsize=8)
        axis.tick_params(labelsize=7)
        axis.yaxis.set_major_locator(MaxNLocator(integer=True))
        figure.colorbar(drawn, ax=axis, label="log10(error / bound)", fraction=0.03)
    return _save(figure, path)


def _grouped(ratios: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Images by title; outputs named KIND_NN or KIND_NN_out become rows of one image, a layer each."""
    images: dict[str, np.ndarray] = {}
    layers: dict[str, list[np.ndarray]] = {}
    for name, ratio in ratios.items():
        parts = name.removesuffix("_out").rsplit("_", 1)
        if len(parts) == 2 and parts[1].isdigit() and ratio.ndim == 4:
            layers.setdefault(f"{parts[0]} of every layer", []).append(ratio.max(axis=(0, 1, 3)))
        else:
            images[name] = _as_image(ratio)[0]
    return {**{name: np.stack(rows) for name, rows in layers.items()}, **images}


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
    figure, (wave, error) = _figure(10.0, 5.0, 2)
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
