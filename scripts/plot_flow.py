"""Draw docs/pictures/flow.png (the rooms) and docs/pictures/block.png (one block in a runtime)."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
INK, ROOM, ARTEFACT, ONCE = "#22223b", "#dbe7f6", "#fdeccf", "#e3f1e3"

Point = tuple[float, float]


def box(axes: Axes, centre: Point, size: Point, title: str, text: str = "", colour: str = ROOM) -> None:
    x, y = centre[0] - size[0] / 2, centre[1] - size[1] / 2
    style = "round,pad=0,rounding_size=0.12"
    axes.add_patch(FancyBboxPatch((x, y), *size, boxstyle=style, fc=colour, ec=INK, lw=1.1))
    lines = text.count("\n") + 1
    offset = 0.13 * lines if text else 0.0
    axes.text(centre[0], centre[1] + offset, title, ha="center", va="center", weight="bold", size=10.5, color=INK)
    if text:
        axes.text(centre[0], centre[1] - 0.17, text, ha="center", va="center", size=8.8, color=INK, linespacing=1.3)


def arrow(axes: Axes, start: Point, end: Point, text: str = "", above: float = 0.14, bend: float = 0.0) -> None:
    properties = {"arrowstyle": "-|>", "color": INK, "lw": 1.3, "connectionstyle": f"arc3,rad={bend}", "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=end, xytext=start, arrowprops=properties)
    if text:
        axes.text((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + above, text, ha="center", va="center", size=8.6, color=INK)


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=130, layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axes.axis("off")
    return figure, axes


def rooms() -> Figure:
    figure, axes = canvas(12.4, 3.6)
    middle = 1.85
    box(axes, (1.2, middle), (2.1, 1.3), "lmdm_train", "network, codec,\nreference rollouts\n(torch)")
    box(axes, (3.75, middle), (1.8, 1.0), "checkpoint", ".safetensors\n+ .json", ARTEFACT)
    box(axes, (6.25, middle), (2.1, 1.3), "lmdm_export", "graphs, manifest,\nvalidation\n(torch, onnx)")
    box(axes, (8.8, middle), (1.8, 1.0), "bundle", "one folder,\neverything hashed", ARTEFACT)
    box(axes, (11.3, 2.9), (2.0, 0.9), "runtime_py", "numpy, onnxruntime")
    box(axes, (11.3, 1.85), (2.0, 0.9), "runtime_cpp", "C++20, C ABI, tools")
    box(axes, (11.3, 0.8), (2.0, 0.9), "benchmarks", "both runtimes")
    arrow(axes, (2.25, middle), (2.85, middle))
    arrow(axes, (4.65, middle), (5.2, middle))
    arrow(axes, (7.3, middle), (7.9, middle))
    for target in (2.9, 1.85, 0.8):
        arrow(axes, (9.7, middle), (10.3, target))
    for x, text in ((1.2, "lmdm data\nlmdm train"), (3.75, "lmdm import"), (6.25, "lmdm export\nlmdm validate"), (8.8, "lmdm inspect")):
        axes.text(x, middle - 0.8, text, ha="center", va="top", size=9, family="monospace", color=INK, linespacing=1.4)
    axes.text(11.3, 3.48, "lmdm generate · stream", ha="center", va="center", size=9, family="monospace", color=INK)
    axes.text(
        4.95,
        0.12,
        "One direction of flow; nothing flows back. Left of the bundle: torch. Right of it: none.",
        ha="center",
        size=10,
        color=INK,
    )
    return figure


def block() -> Figure:
    figure, axes = canvas(12.4, 5.6)
    box(axes, (1.3, 4.7), (2.0, 0.9), "text_encoder", "prompt → embedding", ONCE)
    box(axes, (4.3, 4.7), (2.2, 0.9), "conditioner", "mix, seconds → cross K/V", ONCE)
    box(axes, (1.3, 2.6), (2.0, 0.9), "codec_encoder", "audio → frames")
    box(axes, (4.3, 2.6), (2.2, 0.9), "context_encoder", "clean frames → self K/V")
    box(axes, (8.0, 2.6), (2.6, 1.5), "cached_decoder", "noisy block, t, K/V → velocity\nonce a step; CFG as a batch of 2")
    box(axes, (11.2, 2.6), (1.9, 0.9), "codec_decoder", "frames → audio")
    box(axes, (8.0, 0.75), (2.6, 0.8), "noise", "Philox 4x32-10, Box-Muller", ARTEFACT)
    arrow(axes, (2.3, 4.7), (3.2, 4.7))
    arrow(axes, (4.3, 4.25), (4.3, 3.05))
    arrow(axes, (5.4, 4.7), (7.6, 3.35))
    axes.text(6.55, 4.12, "cross K/V of every layer", size=8.6, color=INK, ha="left")
    axes.text(4.42, 3.65, "cross K/V", size=8.6, color=INK, ha="left", va="center")
    arrow(axes, (2.3, 2.6), (3.2, 2.6))
    arrow(axes, (5.4, 2.6), (6.7, 2.6), "self K/V")
    arrow(axes, (8.0, 1.15), (8.0, 1.85))
    arrow(axes, (9.3, 2.6), (10.25, 2.6), "block")
    axes.plot([9.78, 9.78, 4.3], [2.6, 0.15, 0.15], color=INK, lw=1.3, solid_joinstyle="round")
    arrow(axes, (4.3, 0.15), (4.3, 2.15))
    axes.text(4.42, 1.1, "the clean block\nbecomes context", size=8.6, color=INK, ha="left", va="center", linespacing=1.3)
    axes.text(2.75, 5.4, "when a prompt or a mix changes", ha="center", size=9.5, color=INK, style="italic")
    axes.text(1.3, 3.25, "to prime with audio", ha="center", size=9.5, color=INK, style="italic")
    axes.text(8.4, 3.5, "every block", ha="left", size=9.5, color=INK, style="italic")
    return figure


if __name__ == "__main__":
    rooms().savefig(PICTURES / "flow.png")
    block().savefig(PICTURES / "block.png")
