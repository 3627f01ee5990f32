"""The page of one result: every peer beside its floor, the round trip by stage, and how both grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import NullLocator

from benchmarks.peers import CACHED, COMPILED, MASKED, RUNTIME, STABLE_AUDIO_TOOLS

COLOURS = {MASKED: "#999999", CACHED: "#ff7f0e", COMPILED: "#d6604d", RUNTIME: "#1f77b4", STABLE_AUDIO_TOOLS: "#666666"}
OTHERS = ("#2ca02c", "#9467bd", "#17becf", "#8c564b", "#bcbd22", "#e377c2")
STAGE_COLOURS = {
    "controls": ("sketch", "#8dd3c7"),
    "encode": ("codec encode", "#bebada"),
    "prompt": ("prompt", "#ffd92f"),
    "context": ("context encode", "#fb8072"),
    "steps": ("steps", "#80b1d3"),
    "decode": ("codec decode", "#b3de69"),
}
AXES = {"context": "context, frames", "block": "block, frames", "steps": "solver steps a block", "parameters": "parameters of the network"}
INCHES_A_BAR, INCHES_A_STAGE, INCHES_A_TITLE, INCHES_OF_SCALING = 0.24, 0.42, 0.75, 3.6


def draw_page(path: Path, result: dict[str, Any]) -> Path:
    """A PNG: a part for each instrument, and one for the scaling where it was measured."""
    heights = [_height(of) for of in result["instruments"]]
    scaling = result.get("scaling")
    if scaling is not None:
        heights.append(INCHES_OF_SCALING)
    figure = Figure(figsize=(13, sum(heights) + 0.8), layout="constrained")
    FigureCanvasAgg(figure)
    machine = result["machine"]
    figure.suptitle(
        f"{machine['cpu']}, {machine['usable_cores']} cores, {result['threads']} thread{'s' * (result['threads'] > 1)}; load "
        f"{machine['load_average'][0]} to {machine['load_average_after'][0]}; {machine['utc'][:10]}; "
        + ", ".join(f"{name} {version}" for name, version in machine["versions"].items()),
        fontsize=9,
    )
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, of in zip(parts, result["instruments"], strict=False):
        _instrument(part, of)
    if scaling is not None:
        _scaling(parts[-1], scaling)
    unfinished = path.with_name(f".{path.name}")
    figure.savefig(unfinished, dpi=100, format="png")
    unfinished.replace(path)
    return path


def _height(of: dict[str, Any]) -> float:
    bars = sum(len(peers) for peers in of["stages"].values())
    return max(3.0, INCHES_A_TITLE + INCHES_A_STAGE * len(of["stages"]) + INCHES_A_BAR * bars)


def _instrument(part: SubFigure, of: dict[str, Any]) -> None:
    instrument = of["instrument"]
    part.suptitle(
        f"{instrument['name']} {instrument['layout']}, {instrument['parameters'] / 1e6:.1f}M, {instrument['pattern']}, "
        f"{instrument['solver']} in {instrument['steps']} steps, network batch {instrument['batch']}, {instrument['weights']}",
        fontsize=10,
        x=0.01,
        ha="left",
    )
    stages = of["stages"]
    if not stages:
        part.text(0.5, 0.4, "no peer was timed: all failed parity or did not start", ha="center", fontsize=9)
        return
    left, right = part.subfigures(1, 2, width_ratios=[1.5, 1], squeeze=False)[0]
    axes = left.subplots(len(stages), 1, squeeze=False, height_ratios=[len(peers) + 0.6 for peers in stages.values()])[:, 0]
    for axis, (stage, peers) in zip(axes, stages.items(), strict=True):
        _bars(axis, stage, peers, instrument["block_ms"])
    axes[-1].set_xlabel("ms, median in turn; whisker to p95; ○ in a row; black: the floor; dotted red: duration of a block", fontsize=8)
    axis = right.subplots(1, 1)
    if "reason" in of["round_trip"]:
        axis.axis("off")
        axis.text(0.5, 0.5, f"no round trip: {of['round_trip']['reason']}", ha="center", va="center", fontsize=8, wrap=True)
    else:
        _round_trip(axis, of["round_trip"], instrument["block_ms"], sum(of["floor_ms"][name]["floor"] for name in ("block", "decode")))


def _bars(axis: Axes, stage: str, peers: dict[str, Any], block_ms: float) -> None:
    names = list(peers)[::-1]
    rest = [name for name in peers if name not in COLOURS]
    colours = [COLOURS.get(name) or OTHERS[rest.index(name) % len(OTHERS)] for name in names]
    turn = [peers[name]["in_turn"] for name in names]
    late = [max(0.0, of["p95"] - of["median"]) for of in turn]
    axis.barh(names, [of["median"] for of in turn], xerr=[[0.0] * len(late), late], color=colours, capsize=2, height=0.72)
    rows = [of["in_a_row"]["median"] for of in peers.values() if of["in_a_row"] is not None]
    largest = max(*(of["p95"] for of in turn), *rows, *(of["floor"] for of in peers.values()))
    for place, name in enumerate(names):
        of = peers[name]
        axis.plot([of["floor"]] * 2, [place - 0.46, place + 0.46], color="black", linewidth=2.2)
        end = max(of["in_turn"]["p95"], of["floor"])
        if of["in_a_row"] is not None:
            axis.plot(of["in_a_row"]["median"], place, "o", markerfacecolor="white", markeredgecolor="black", markersize=4)
            end = max(end, of["in_a_row"]["median"])
        told = f"{_ms(of['in_turn']['median'])} ms, {of['times_the_floor']:.1f} × floor"
        axis.text(end + 0.015 * largest, place, told, va="center", fontsize=7)
    right = 1.3 * largest
    if stage == "block" and block_ms < right:
        axis.axvline(block_ms, color="crimson", linestyle=":")
    axis.set_xlim(0, right)
    axis.set_title(stage, loc="left", fontsize=9, pad=2)
    axis.tick_params(labelsize=7)


def _round_trip(axis: Axes, trips: dict[str, Any], block_ms: float, floor_ms: float) -> None:
    rows = [(f"{subject},\n{mode}", of) for subject, modes in trips.items() for mode, of in modes.items()][::-1]
    seen: set[str] = set()
    for place, (_, of) in enumerate(rows):
        left = 0.0
        for stage, (label, colour) in STAGE_COLOURS.items():
            if stage in of["stages_ms"]:
                ms = of["stages_ms"][stage]["p50"]
                axis.barh(place, ms, left=left, color=colour, label=None if label in seen else label, height=0.6)
                seen.add(label)
                left += ms
        block = of["block_ms"]
        axis.plot([floor_ms] * 2, [place - 0.38, place + 0.34], color="black", linewidth=2.2)
        axis.plot([block["p50"], block["p99"]], [place + 0.38] * 2, color="black", linewidth=1, marker="|")
        axis.text(
            max(left, block["p99"]),
            place,
            f"  block p50 {_ms(block['p50'])}, p99 {_ms(block['p99'])}\n"
            f"  first frame {of['first_frame_ms']['of the session']:.0f} ms of a session,\n"
            f"  {of['first_frame_ms']['of the process']:.0f} of a process; {of['memory_mib'].get('private', 0):.0f} MiB",
            va="center",
            fontsize=6.5,
        )
    axis.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=7)
    largest = max(of["block_ms"]["p99"] for _, of in rows)
    axis.set_xlim(0, 2.1 * max(largest, floor_ms))
    axis.set_title("round trip by stage, medians; black: the floor", loc="left", fontsize=9)
    axis.set_xlabel(f"ms; line: p50 to p99 of a block, which lasts {block_ms:.0f} ms", fontsize=8)
    axis.tick_params(labelsize=7)
    axis.legend(fontsize=6.5, loc="upper center", bbox_to_anchor=(0.45, -0.14), ncols=3)


def _scaling(part: SubFigure, scaling: dict[str, Any]) -> None:
    part.suptitle(f"ONNX Runtime and the floor (dashed): {scaling['network']}", fontsize=10, x=0.01, ha="left")
    axes = part.subplots(1, len(AXES), sharey=True)
    for axis, (name, label) in zip(axes, AXES.items(), strict=True):
        points = sorted(scaling["axes"][name], key=lambda point: point["at"])
        for stage, colour in (("step", "#1f77b4"), ("context", "#ff7f0e"), ("block", "#2ca02c")):
            if stage in points[0]:
                at = [point["at"] for point in points]
                axis.plot(at, [point[stage]["median"] for point in points], color=colour, marker="o", markersize=3, label=stage)
                axis.plot(at, [point[stage]["floor"] for point in points], color=colour, linestyle="--", linewidth=1)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel(label, fontsize=8)
        labels = [f"{point['at'] / 1e6:.3g}M" if name == "parameters" else str(point["at"]) for point in points]
        axis.set_xticks([point["at"] for point in points], labels)
        axis.xaxis.set_minor_locator(NullLocator())
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("ms")
    axes[0].legend(fontsize=7)


def _ms(value: float) -> str:
    """Three digits or all before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
