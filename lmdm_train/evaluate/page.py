"""One page of pictures for a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lmdm_train.evaluate.plots import draw_accompaniment, draw_curves, draw_distances, draw_sketches, draw_transitions, save
from lmdm_train.evaluate.report import Report


def draw_page(path: Path, report: Report) -> Path:
    """From the top: drift, distances from real music, sketches, accompaniment and transitions, as far as there are any."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = {model.name: model.drift for model in report.models}
    sketches = [row for model in report.models for row in model.sketch]
    coherence = [row for model in report.models for row in model.accompaniment]
    rows = [row for row in report.yardsticks if "noise" not in row.subject] + [row for model in report.models for row in model.distances]
    subjects = list(dict.fromkeys(row.subject for row in rows))
    heights = {
        "drift": 6.4,
        "distances": 1.2 + 0.34 * len(subjects),
        "sketches": 1.2 + 0.3 * len(sketches) if sketches else 0.0,
        "accompaniment": 3.4 if coherence else 0.0,
        "transitions": 3.4,
    }
    used = [name for name, height in heights.items() if height]
    figure = Figure(figsize=(14, sum(heights.values()) + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    strips = figure.subfigures(len(used), 1, squeeze=False, height_ratios=[heights[name] for name in used])[:, 0]
    parts = dict(zip(used, strips, strict=True))

    def panels(name: str, lines: int, columns: int, title: str) -> Any:
        parts[name].suptitle(title, fontsize=10)
        return parts[name].subplots(lines, columns, squeeze=False)

    plan = report.plan
    kind = "primed" if plan.primed else "text only"
    title = f"drift over {plan.seconds:.0f} s, windows of {plan.window:.0f} s, {plan.pieces} pieces, {kind}"
    draw_curves(panels("drift", 2, 3, title).ravel(), curves)
    extractors = list(dict.fromkeys(row.extractor for row in rows))
    axes = panels("distances", 1, len(extractors), f"distance from real music, first {plan.quality_seconds:.0f} s")[0]
    for axis, extractor in zip(axes, extractors, strict=True):
        draw_distances(axis, rows, extractor, subjects)
    if sketches:
        draw_sketches(panels("sketches", 1, 4, "sketch following, captions of other pieces")[0], sketches)
    if coherence:
        metrics = list(dict.fromkeys(row.metric for _, row in coherence))
        draw_accompaniment(panels("accompaniment", 1, len(metrics), "accompaniment")[0], coherence, metrics)
    draw_transitions(panels("transitions", 1, len(report.models), "prompt transitions")[0], [model.transition for model in report.models])
    return save(figure, path)
