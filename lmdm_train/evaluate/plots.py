"""Pictures of evaluations: one file each, with units, by the Agg canvas and no global state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmdm_train.evaluate.quality import Distance

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
    axis.set_xscale("log")
    axis.set_xlabel(f"Fréchet distance, {extractor} (log scale)")
    axis.legend(fontsize=7)
