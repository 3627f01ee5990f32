"""Draw the attention patterns from the one definition that the network uses, into docs/pictures/."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from lmdm_train.config import Layout, Pattern
from lmdm_train.model.routing import allowed_mask

LAYOUT = Layout(context=16, block=4)
PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
HIDDEN, TO_CONTEXT, TO_TARGET = "#f4f2ee", "#4c86a8", "#e0824a"
INK = "#333333"

PATTERNS = {
    "bidirectional": (Pattern(kind="bidirectional"), "Everyone sees everyone: nothing can be cached"),
    "encoder-decoder": (Pattern(kind="encoder-decoder"), "Context sees context: encoded once a block, kept for every step"),
    "block-causal": (Pattern(kind="block-causal", window_chunks=4), "A block sees itself and three before it: each is encoded once"),
}


def groups(layout: Layout) -> list[tuple[str, int, int]]:
    """Name, first token and end of each group along an axis."""
    blocks = layout.context // layout.block
    context = [(f"context\nblock {i + 1}", i * layout.block, (i + 1) * layout.block) for i in range(blocks)]
    return [*context, ("target\nblock", layout.context, layout.window), ("g", layout.window, layout.window + 1)]


def draw(axes: Axes, pattern: Pattern, layout: Layout) -> None:
    """One mask: rows look at columns."""
    allowed = allowed_mask(pattern, layout).numpy()
    target_column = np.arange(layout.window + 1) >= layout.context
    axes.pcolormesh(
        np.where(allowed, 1 + target_column[None, :], 0),
        cmap=ListedColormap([HIDDEN, TO_CONTEXT, TO_TARGET]),
        vmin=0,
        vmax=2,
        edgecolors="white",
        linewidth=1,
    )
    parts = groups(layout)
    for _, first, _ in parts[1:]:
        heavy = first == layout.context
        for line in (axes.axvline, axes.axhline):
            line(first, color=INK, linewidth=2 if heavy else 0.8)
    middles = [(first + end) / 2 for _, first, end in parts]
    names = [name for name, _, _ in parts]
    axes.set_xticks(middles, names, fontsize=9)
    axes.set_yticks(middles, [name.replace("\n", " ") for name in names], fontsize=9)
    axes.tick_params(length=0)
    axes.set_xlim(0, layout.window + 1)
    axes.set_ylim(layout.window + 1, 0)
    axes.set_aspect("equal")
    axes.xaxis.tick_top()
    axes.set_ylabel("a token of this row …", color=INK, labelpad=8)
    axes.set_xlabel("… sees the tokens of these columns (g: the global token)", color=INK, labelpad=10)
    axes.xaxis.set_label_position("top")
    for side in axes.spines.values():
        side.set_color(INK)


def main() -> None:
    """Write one picture for each pattern."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    legend = [
        Patch(color=TO_CONTEXT, label="sees context"),
        Patch(color=TO_TARGET, label="sees target"),
        Patch(color=HIDDEN, label="hidden"),
    ]
    for name, (pattern, caption) in PATTERNS.items():
        figure, axes = plt.subplots(figsize=(7.2, 7.6), layout="constrained")
        draw(axes, pattern, LAYOUT)
        figure.suptitle(f"{name}\n", fontsize=16, fontweight="bold", color=INK)
        axes.set_title(caption, fontsize=11, color=INK, y=-0.06)
        figure.legend(handles=legend, loc="outside lower center", ncols=3, frameon=False, edgecolor=INK)
        path = PICTURES / f"pattern_{name}.png"
        figure.savefig(path, dpi=110)
        plt.close(figure)
        print(path.relative_to(PICTURES.parents[1]))


if __name__ == "__main__":
    main()
