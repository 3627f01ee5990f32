"""A bisection for a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from lmdm_export.precision.bisection import Bisection
from lmdm_export.precision.divergence import Departure

SHOWN = 15


def print_bisection(found: Bisection, console: Console) -> None:
    """Print the first break, the matrices that are most sensitive, and what to keep."""
    table = Table(title=f"{found.kind} against float32, on the same inputs", title_justify="left", box=SIMPLE_HEAD)
    for column in ("graph", "matrix"):
        table.add_column(column)
    for column in ("error of its input", "of its output"):
        table.add_column(column, justify="right")
    for row in [row for row in found.rows if row.matrix]:
        mark = "" if row.error <= found.budget else " [red]●[/]"
        table.add_row(row.graph, row.where, f"{row.before:.2e}", f"{row.error:.2e}{mark}")
    console.print(table)
    first, steepest = found.first, found.steepest
    if first is not None:
        console.print(f"first beyond {found.budget:g}: [bold]{_place(first)}[/], {first.error:.3g} off", highlight=False)
    elif steepest is not None:
        text = f"no value is off by more than {found.budget:g}; the largest step is {_place(steepest)}, {steepest.error:.3g} off"
        console.print(text, highlight=False)
    if found.whole is not None:
        console.print(f"rollout parity {found.whole.parity.share:.4f}, budget {found.budget:g}", highlight=False)
    if found.ranked:
        _print_ranking(found, console)
    if found.keep is not None and found.kept is not None:
        console.print(f"{len(found.keep)} of {found.matrices} matrices float32: parity {found.kept.parity.share:.4f}", highlight=False)
        click_line = f"--precision {found.kind} --keep {','.join(found.keep)}"
        console.print(click_line, highlight=False, soft_wrap=True)
    elif found.ranked and not found.interrupted:
        console.print("no choice of matrices brings it inside the budget", highlight=False)
    if found.interrupted:
        console.print("[yellow]interrupted[/]; this is what was found until then", highlight=False)


def _print_ranking(found: Bisection, console: Console) -> None:
    table = Table(title="each matrix alone, the worst first", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("matrix")
    table.add_column("parity", justify="right")
    for entry in found.ranked[:SHOWN]:
        table.add_row(entry.matrix, f"{entry.share:.4f}")
    if len(found.ranked) > SHOWN:
        table.add_row(f"… {len(found.ranked) - SHOWN} more", "")
    console.print(table)


def _place(row: Departure) -> str:
    return f"{row.graph}: {row.where}"
