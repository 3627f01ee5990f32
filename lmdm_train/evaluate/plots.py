"""Pictures of evaluations: one file each, with units, by the Agg canvas and no global state."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lmdm_train.evaluate.accompaniment import Coherence
from lmdm_train.evaluate.curves import Curve
from lmdm_train.evaluate.quality import Distance
from lmdm_train.evaluate.sketch import METRICS, Followed
from lmdm_train.evaluate.transitions import Transition

COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown")


def figure(rows: int, columns: int, width: float, height: float) -> tuple[Any, Any]:
    """A figure and its axes [rows, columns]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made, made.subplots(rows, columns, squeeze=False)


def save(made: Any, path: Path) -> Path:
    """Written beside, then moved into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    made.savefig(unfinished, dpi=110, format="png")
    unfinished.replace(path)
    return path


def plot_distances(path: Path, rows: Sequence[Distance]) -> Path:
    """Bars of the Fréchet distance by subject, one panel for each extractor; hatched bars are against the coded reference."""
    extractors = list(dict.fromkeys(row.extractor for row in rows))
    subjects = list(dict.fromkeys(row.subject for row in rows))
    made, axes = figure(1, len(extractors), 5.0 * len(extractors) + 2, 1.5 + 0.5 * len(subjects))
    for axis, extractor in zip(axes[0], extractors, strict=True):
        draw_distances(axis, rows, extractor, subjects)
    return save(made, path)


def draw_distances(axis: Any, rows: Sequence[Distance], extractor: str, subjects: Sequence[str]) -> None:
    references = list(dict.fromkeys(row.reference for row in rows))
    for index, reference in enumerate(references):
        chosen = {row.subject: row for row in rows if row.extractor == extractor and row.reference == reference}
        heights = [place + 0.4 * index - 0.2 for place, subject in enumerate(subjects) if subject in chosen]
        values = [chosen[subject] for subject in subjects if subject in chosen]
        axis.barh(
            heights,
            [row.frechet for row in values],
            0.36,
            xerr=[row.spread for row in values],
            label=f"against {reference}",
            color=COLOURS[index],
            hatch="//" if index else None,
            alpha=0.8,
        )
    axis.set_yticks(range(len(subjects)), subjects, fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel(f"Fréchet distance, {extractor}")
    axis.legend(fontsize=7)


def plot_curves(path: Path, curves: Mapping[str, Sequence[Curve]]) -> Path:
    """One panel for each metric, one line for each model with its standard error, and real music as a dashed line."""
    count = len(next(iter(curves.values())))
    columns = min(3, count)
    made, axes = figure(-(-count // columns), columns, 4.6 * columns, 3.2 * -(-count // columns))
    draw_curves(axes.ravel(), curves)
    made.suptitle("metrics in sliding windows over a rollout; bands are standard errors over the pieces", fontsize=9)
    return save(made, path)


def draw_curves(axes: Sequence[Any], curves: Mapping[str, Sequence[Curve]]) -> None:
    for index, axis in enumerate(axes):
        found = {name: items[index] for name, items in curves.items() if index < len(items)}
        if not found:
            axis.set_axis_off()
            continue
        for (name, item), colour in zip(found.items(), COLOURS * len(found), strict=False):
            axis.plot(item.times, item.values, color=colour, linewidth=1.6, label=f"{name}: {item.slope:+.2g} a minute")
            axis.fill_between(item.times, item.values - item.errors, item.values + item.errors, color=colour, alpha=0.15, linewidth=0)
        first = next(iter(found.values()))
        if first.real is not None:
            axis.axhline(first.real, color="black", linestyle="--", linewidth=1.0, label="real music")
            axis.axhspan(first.real - first.real_spread, first.real + first.real_spread, color="black", alpha=0.08, linewidth=0)
        axis.set_title(first.name, fontsize=9, loc="left")
        axis.set_ylabel(first.unit, fontsize=8)
        axis.set_xlabel("centre of the window, seconds", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.legend(fontsize=7)


SKETCH_LABELS = ("loudness: correlation", "loudness: mean error, dB", "pitch bins recalled, share", "pitch classes recalled, share")


def plot_sketches(path: Path, rows: Sequence[Followed]) -> Path:
    """One panel for each metric, a bar with its standard error for each model, control and ceiling."""
    made, axes = figure(1, len(METRICS), 13, 1.4 + 0.4 * len(rows))
    draw_sketches(axes[0], rows)
    made.suptitle("sketch following", fontsize=9)
    return save(made, path)


def draw_sketches(axes: Sequence[Any], rows: Sequence[Followed]) -> None:
    subjects = [row.subject for row in rows]
    colours = ["tab:gray" if "(control)" in name else "tab:green" if "(ceiling)" in name else "tab:blue" for name in subjects]
    for index, (axis, metric, label) in enumerate(zip(axes, METRICS, SKETCH_LABELS, strict=True)):
        axis.barh(range(len(rows)), [getattr(row, metric) for row in rows], xerr=[row.errors[metric] for row in rows], color=colours)
        axis.set_yticks(range(len(rows)), subjects if index == 0 else [""] * len(rows), fontsize=8)
        axis.invert_yaxis()
        axis.set_xlabel(label, fontsize=8)
        axis.tick_params(labelsize=8)


def plot_accompaniment(path: Path, rows: Sequence[tuple[float, Coherence]], separation: Mapping[str, float]) -> Path:
    """Relative agreement over t_f, one panel for each metric; dotted lines are random pairings and true pairs."""
    made, axes = figure(1, len(separation), 5.5 * len(separation), 3.6)
    draw_accompaniment(axes[0], rows, list(separation))
    told = ", ".join(f"{metric} {value:.2f}" for metric, value in separation.items())
    made.suptitle(f"accompaniment; AUC of the metric on real pairs: {told}", fontsize=9)
    return save(made, path)


def draw_accompaniment(axes: Sequence[Any], rows: Sequence[tuple[float, Coherence]], metrics: Sequence[str]) -> None:
    for axis, metric in zip(axes, metrics, strict=True):
        chosen = [(at, row) for at, row in rows if row.metric == metric]
        for name in dict.fromkeys(row.subject for _, row in chosen):
            points = [(at, row) for at, row in chosen if row.subject == name]
            if math.isnan(points[0][0]):
                axis.axhline(points[0][1].relative, linestyle="--", color="black", linewidth=1.0, label=name)
                continue
            values, errors = [row.relative for _, row in points], [row.error for _, row in points]
            axis.errorbar([at for at, _ in points], values, yerr=errors, marker="o", capsize=3, label=name)
        for level in (0.0, 1.0):
            axis.axhline(level, linestyle=":", color="gray", linewidth=1.0)
        axis.set_title(f"{metric} agreement", fontsize=9, loc="left")
        axis.set_xlabel("future visibility t_f, seconds", fontsize=8)
        axis.set_ylabel("0 random pairs, 1 true pairs", fontsize=8)
        axis.legend(fontsize=7)


def plot_transitions(path: Path, found: Sequence[Transition]) -> Path:
    """One panel for each model: similarity to both prompts and to neither, over the time from the middle of the cross-fade."""
    made, axes = figure(1, len(found), 4.8 * len(found), 3.6)
    draw_transitions(axes[0], found)
    return save(made, path)


def draw_transitions(axes: Sequence[Any], found: Sequence[Transition]) -> None:
    for axis, item in zip(axes, found, strict=False):
        axis.plot(item.times, item.first, color="tab:blue", label="first prompt")
        axis.plot(item.times, item.second, color="tab:orange", label="second prompt")
        axis.fill_between(item.times, item.second - item.errors, item.second + item.errors, color="tab:orange", alpha=0.15, linewidth=0)
        axis.plot(item.times, item.third, color="tab:gray", label="neither (control)")
        axis.plot(item.times, item.weight, color="black", linestyle=":", linewidth=1.0, label="weight of the second")
        axis.set_ylim(-0.02, 1.02)
        axis.set_title(f"{item.name}, {item.pairs} pairs", fontsize=9, loc="left")
        axis.set_xlabel("seconds after the middle of the cross-fade", fontsize=8)
        axis.set_ylabel("probability that the judge gives", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.legend(fontsize=7)
