"""The demo's two pictures: a spectrogram with its prompt changes, and the cost of every block."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lmdm_export.demo.files import write_bytes

FFT, HOP, BANDS = 4096, 512, 320
LOWEST_HZ, RANGE_DB = 40.0, 80.0
LABEL_WIDTH = 42
STAGES = ("#3d5a80", "#81a4cd", "#98c1a9", "#6a4c93", "#b8b8d1")
INK, MARK, GRID = "#22223b", "#e07a1f", "#c9c9d6"


def spectrogram_db(mono: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Power in dB below the loudest point, [BANDS, columns], and the centre of each band in Hz; bands are spaced by equal ratios."""
    padded = np.pad(mono.astype(np.float64), FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP] * np.hanning(FFT)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    bins = np.fft.rfftfreq(FFT, 1 / sample_rate)
    edges = np.geomspace(LOWEST_HZ, min(16_000.0, sample_rate / 2.1), BANDS + 1)
    centres = np.sqrt(edges[:-1] * edges[1:])
    first = np.searchsorted(bins, edges)
    # Low bands are narrower than a bin and are read between bins; wide ones show the strongest of theirs, so that no partial is missed.
    between = np.stack([np.interp(centres, bins, frame) for frame in power], axis=1)
    strongest = np.maximum.reduceat(power, first[:-1], axis=1).T
    bands = np.where((np.diff(first) > 0)[:, None], np.maximum(strongest, between), between)
    decibels = 10 * np.log10(np.maximum(bands, 1e-20) / max(float(bands.max()), 1e-20))
    return np.maximum(decibels, -RANGE_DB), centres


def plot_spectrogram(path: Path, audio: np.ndarray, sample_rate: int, marks: Sequence[tuple[float, str]], primer_seconds: float) -> None:
    """Waveform and spectrogram of `audio` [channels, samples]; `marks` are (second, prompt), the primer is shaded."""
    mono = audio.mean(axis=0)
    seconds = mono.size / sample_rate
    figure = Figure(figsize=(13, 6.2), dpi=110, layout="constrained")
    wave, spectrum = figure.subplots(2, 1, sharex=True, height_ratios=[1, 4])
    _draw_waveform(wave, mono, sample_rate)
    decibels, centres = spectrogram_db(mono, sample_rate)
    edges = np.log2(centres[[0, -1]])
    image = spectrum.imshow(decibels, origin="lower", aspect="auto", cmap="magma", extent=(0, seconds, *edges), interpolation="nearest")
    octaves = [hz for hz in (50, 100, 200, 500, 1000, 2000, 5000, 10_000) if hz <= centres[-1]]
    spectrum.yaxis.set_major_locator(FixedLocator([float(np.log2(hz)) for hz in octaves]))
    spectrum.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{round(2**y):,}"))
    spectrum.yaxis.set_minor_locator(NullLocator())
    spectrum.set(xlabel="seconds", ylabel="Hz", xlim=(0, seconds))
    figure.colorbar(image, ax=[wave, spectrum], label="dB", pad=0.01, fraction=0.03)
    if primer_seconds > 0:
        wave.axvspan(0, primer_seconds, color=GRID, alpha=0.5, lw=0)
        _label(wave, 0.0, "primer")
    for index, (second, prompt) in enumerate(marks):
        for axes in (wave, spectrum):
            axes.axvline(second, color=MARK, lw=1.6, ls="-" if index else "--")
        _label(wave, second, textwrap.fill(f"“{prompt}”", LABEL_WIDTH))
    _save(figure, path)


def plot_cost(path: Path, stages_ms: Sequence[dict[str, float]], whole_ms: Sequence[float], period_ms: float) -> None:
    """Milliseconds of every block, stacked by stage, under the line that it must stay below."""
    figure = Figure(figsize=(13, 3.0), dpi=110, layout="constrained")
    axes = figure.subplots()
    names = list(dict.fromkeys(name for block in stages_ms for name in block))
    blocks = np.arange(len(whole_ms))
    floor = np.zeros(len(whole_ms))
    for name, colour in zip(names, cycle(STAGES), strict=False):
        height = np.array([block.get(name, 0.0) for block in stages_ms])
        axes.bar(blocks, height, bottom=floor, width=1.0, color=colour, label=name)
        floor += height
    axes.bar(blocks, np.maximum(np.asarray(whole_ms) - floor, 0.0), bottom=floor, width=1.0, color=GRID, label="the rest")
    axes.axhline(period_ms, color=MARK, lw=1.6, label=f"block lasts {period_ms:.0f} ms")
    axes.set(xlabel="block", ylabel="ms", xlim=(-0.5, len(whole_ms) - 0.5), ylim=(0, None))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    _save(figure, path)


def _draw_waveform(axes: Axes, mono: np.ndarray, sample_rate: int) -> None:
    """The waveform as the range of each of 2,000 slices."""
    width = max(1, mono.size // 2000)
    slices = mono[: mono.size // width * width].reshape(-1, width)
    axes.fill_between(np.arange(len(slices)) * width / sample_rate, slices.min(axis=1), slices.max(axis=1), color=INK, lw=0)
    peak = max(float(np.abs(mono).max()), 1e-6)
    axes.set(ylim=(-1.1 * peak, 1.1 * peak), yticks=[])
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _label(axes: Axes, second: float, text: str) -> None:
    axes.annotate(text, (second, 1.0), xycoords=("data", "axes fraction"), xytext=(3, 4), textcoords="offset points", fontsize=9, color=INK)


def _save(figure: Figure, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_bytes(path, buffer.getvalue())
