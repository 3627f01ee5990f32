"""Bars of progress on a terminal; one line a task elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lmdm_export.validate.truth import Begin, Tick


@contextmanager
def shown(console: Console) -> Iterator[Begin]:
    """`begin(label, total)` adds a bar to `console`."""
    if not console.is_terminal:

        def say(label: str, total: int) -> Tick:
            console.print(label, highlight=False)
            return lambda: None

        yield say
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:

        def begin(label: str, total: int) -> Tick:
            task = progress.add_task(label, total=total)
            return lambda: progress.advance(task)

        yield begin
