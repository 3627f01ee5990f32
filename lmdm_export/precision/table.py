"""The ladder for a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from lmdm_export.precision.kinds import KINDS
from lmdm_export.precision.ladder import Ladder, Rung
from lmdm_export.precision.timing import Spread


def print_ladder(ladder: Ladder, console: Console) -> None:
    """Print every rung, the faults that the budget must not let pass, and what was chosen."""
    title = f"{ladder.name}: {ladder.blocks} blocks, budget {ladder.budget:g} of another seed's distance"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("precision", no_wrap=True)
    for column in ("MB", "step ms", "context ms", "× float32", "forced", "closed", "dB"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict")
    for rung in ladder.rungs:
        table.add_row(*_row(rung, ladder))
    console.print(table)
    console.print(
        "[dim]forced: each block from the reference's context; closed: the closed loop; the larger one counts; dB: drift of levels[/]"
    )
    if any(rung.emulated for rung in ladder.rungs):
        console.print("[dim]emulated: rounded as bfloat16 after every operator and computed in float32, so its time says nothing[/]")
    for name, parity in ladder.controls.items():
        verdict = "[bold red]MISSED[/]" if name in ladder.missed else "[green]caught[/]"
        console.print(f"[dim]control[/] {name}: {_share(parity.share)} {verdict}", highlight=False)
    conclusion = _conclusion(ladder)
    if conclusion is not None:
        console.print(conclusion, highlight=False)


def rung_line(rung: Rung, budget: float) -> str:
    """One rung in one line, for progress."""
    cost = "" if rung.cost is None else f", {rung.cost.ratio.median:.2f} of float32's time"
    return f"{rung.kind}: parity {_share(rung.parity.share)} {'within' if rung.parity.within(budget) else 'outside'} {budget:g}{cost}"


def _row(rung: Rung, ladder: Ladder) -> list[str]:
    parity, cost = rung.parity, rung.cost
    if cost is None:
        times = ["emulated" if rung.emulated else "–", "–", "–"]
    else:
        times = [_spread(cost.step), _spread(cost.context), _spread(cost.ratio)]
    within = parity.within(ladder.budget)
    chosen = ladder.chosen is rung
    passed = "[bold green]chosen[/]" if chosen else "[green]within[/]"
    verdict = passed if within else "[red]outside[/]" if parity.steady else "[red]drifts[/]"
    return [
        f"[bold]{rung.kind}[/]" if chosen else rung.kind,
        f"{rung.bytes / 1e6:.1f}",
        *times,
        _share(parity.forced),
        _share(parity.closed),
        f"{parity.level_db:.2f}",
        verdict,
    ]


def _conclusion(ladder: Ladder) -> str | None:
    if ladder.missed:
        return f"[bold red]failed[/] a budget of {ladder.budget:g} lets pass: {', '.join(ladder.missed)}; give a smaller --budget"
    if ladder.interrupted:
        left = len(KINDS) + 1 - len(ladder.rungs)
        return f"[yellow]interrupted[/] with {left} precision{'s' * (left > 1)} left; run it again for the rest"
    if all(rung.cost is None for rung in ladder.rungs):
        return None
    if ladder.chosen is None:
        return "nothing that plays here was measured within the budget"
    return f"fastest within the budget: [bold]{ladder.chosen.kind}[/]"


def _spread(values: Spread) -> str:
    return f"{values.median:.2f} ±{(values.high - values.low) / 2:.2f}"


def _share(value: float) -> str:
    return f"{value:.0e}" if 0 < value < 1e-3 else f"{value:.3f}"
