"""A picture of one long stream: blocks and memory over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = ("#1f77b4", "#ff7f0e")


def plot_hour(path: Path, result: dict[str, Any]) -> Path:
    """A column for each runtime; above, the median, 99th percentile and maximum of blocks, below, memory that it has written to."""
    figures = result["figures"]
    figure = Figure(figsize=(5.2 * len(figures), 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(figures), squeeze=False, sharex=True)
    for column, (colour, (subject, of)) in enumerate(zip(COLOURS, figures.items(), strict=False)):
        _blocks(axes[0, column], subject, of, result["period_ms"], colour)
        _memory(axes[1, column], of, colour)
    machine = result["machine"]
    figure.suptitle(
        f"{result['bundle']}: {result['seconds'] / 60:.3g} minutes paced, a new prompt every 5 s, {result['threads']} thread each\n"
        f"{machine['cpu']}, {machine['usable_cores']} cores, load {machine['load_average'][0]} to {machine['load_average_after'][0]}, "
        f"{machine['utc'][:10]}",
        fontsize=9,
    )
    unfinished = path.with_name(f".{path.name}")
    figure.savefig(unfinished, dpi=110, format="png")
    unfinished.replace(path)
    return path


def _blocks(axis: Axes, subject: str, of: dict[str, Any], period_ms: float, colour: str) -> None:
    course = of["blocks_over_time"]
    minutes = [at / 60 for at in course["seconds"]]
    axis.plot(minutes, course["median"], color=colour, label="median")
    axis.plot(minutes, course["p99"], color=colour, alpha=0.6, linestyle="--", label="p99")
    axis.plot(minutes, course["max"], color=colour, alpha=0.5, linestyle="none", marker=".", label="maximum")
    axis.axhline(period_ms, color="crimson", linestyle=":", label=f"a block lasts {period_ms:.0f} ms")
    axis.set_ylim(bottom=0)
    axis.set_ylabel("ms to make a block")
    axis.set_title(f"{subject}: {of['blocks']} blocks, {of['underruns']} underruns\n{_told(of['block_ms_an_hour'], 'ms')}", fontsize=9)
    axis.legend(fontsize=7, loc="center right")


def _memory(axis: Axes, of: dict[str, Any], colour: str) -> None:
    course = of["written_over_time"]
    axis.plot([at / 60 for at in course["seconds"]], course["median"], color=colour)
    axis.set_ylim(bottom=0)
    axis.set_ylabel("memory written to, MiB")
    axis.set_xlabel("minutes")
    axis.set_title(_told(of["written_mib_an_hour"], "MiB"), fontsize=9)


def _told(slope: dict[str, float | None], unit: str) -> str:
    if slope["per_hour"] is None:
        return "slope: too few points"
    return f"slope {slope['per_hour']:+.2g} {unit} an hour (95 %: {slope['low']:+.2g} to {slope['high']:+.2g})"
