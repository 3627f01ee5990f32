"""A picture of one latency result: medians with 95th percentiles, and the floor that no implementation can pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = {"onnxruntime": "#1f77b4", "torch, cached": "#ff7f0e", "torch, no cache": "#999999"}


def plot_latency(path: Path, result: dict[str, Any]) -> Path:
    """One row for every stage, one bar for every subject; whiskers reach to p95, the dashed line is the floor of the cached form."""
    stages = result["stages"]
    figure = Figure(figsize=(9.0, 0.9 + 1.25 * len(stages)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(stages), 1, squeeze=False)[:, 0]
    for axis, (stage, subjects) in zip(axes, stages.items(), strict=True):
        names = list(subjects)
        medians = [subjects[name]["median"] for name in names]
        late = [max(0.0, subjects[name]["p95"] - subjects[name]["median"]) for name in names]
        bars = axis.barh(names, medians, xerr=[[0.0] * len(late), late], color=[COLOURS.get(n, "#555555") for n in names], capsize=3)
        axis.bar_label(bars, labels=[f" {median:.1f}" for median in medians], label_type="center", fontsize=8, color="white")
        floor = result["floor_ms"].get(stage)
        if floor is not None:
            axis.axvline(floor["floor"], color="black", linestyle="--", linewidth=1.0)
        if stage == "block":
            axis.axvline(result["instrument"]["block_ms"], color="crimson", linestyle=":", linewidth=1.2)
        axis.set_title(stage, loc="left", fontsize=9)
        axis.tick_params(labelsize=8)
    axes[-1].set_xlabel("milliseconds; dashed: floor, dotted: duration of a block")
    instrument, machine = result["instrument"], result["machine"]
    figure.suptitle(
        f"{instrument['name']} {instrument['layout']}, {instrument['parameters'] / 1e6:.0f}M, {instrument['steps']} steps\n"
        f"{machine['cpu']}, {result['threads']} thread{'s' * (result['threads'] > 1)}, load {machine['load_average'][0]}",
        fontsize=9,
    )
    unfinished = path.with_name(f".{path.name}")
    figure.savefig(unfinished, dpi=110, format="png")
    unfinished.replace(path)
    return path
