"""Progress of the demo: one line for each stage, with its bar, what it is at, and its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Stage:
    """The line of one stage."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def begin(self, label: str, total: int) -> Callable[[], None]:
        """Start the bar anew for a part of `total` steps; returns what advances it by one."""
        self._progress.update(self._task, total=total, completed=0, note=label)
        return lambda: self._progress.advance(self._task)

    def note(self, text: str) -> None:
        """What the stage is at, where nobody knows how many steps there are."""
        self._progress.update(self._task, note=text)


class Stages:
    """Shows stages on a console while they run, and keeps the seconds that each took."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        columns = (
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=32),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}[/]"),
        )
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)

    def __enter__(self) -> Stages:
        self._progress.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._progress.stop()

    @contextmanager
    def __call__(self, name: str) -> Iterator[Stage]:
        """One stage; outside of a terminal, a line when it begins and ends."""
        if not self.console.is_terminal:
            self.console.print(f"{name} …", highlight=False)
        start = time.perf_counter()
        task = self._progress.add_task(name, total=None, note="")
        yield Stage(self._progress, task)
        self.seconds[name] = time.perf_counter() - start
        done = self._progress.tasks[-1].completed or 1
        self._progress.update(task, total=done, completed=done, note="")
        if not self.console.is_terminal:
            self.console.print(f"{name}: {self.seconds[name]:.1f} s", highlight=False)
