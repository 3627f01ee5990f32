"""What a person sees while a run goes on: a bar at a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lmdm_train.engine.loop import Loop, StepReport

LINE_EVERY = 60.0  # seconds between lines where there is no terminal
RECENT = 50  # steps that shown figures are means of


class Shown:
    """Progress of a run on stderr; silent on all processes but the first, or if told so."""

    def __init__(self, loop: Loop, name: str, *, quiet: bool) -> None:
        self.console = Console(stderr=True, quiet=quiet or loop.fabric.global_rank > 0)
        self._loop, self._name = loop, name
        self._losses: dict[str, deque[float]] = {}
        self._seconds: deque[float] = deque(maxlen=RECENT)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self._task = self._bar.add_task(name, total=loop.settings.steps, completed=loop.step, note="")
        self._said = time.monotonic()

    def __enter__(self) -> Shown:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def step(self, report: StepReport, seconds: float) -> None:
        """One step was done, in `seconds`."""
        if report.finite:
            self._losses.setdefault(report.phase, deque(maxlen=RECENT)).append(report.losses["loss"])
        self._seconds.append(seconds)
        note = f"{self._loss_text()} rate {report.rate:.2e} {self.seconds_a_step:.2f} s/step, {self._left()} left"
        self._bar.update(self._task, completed=report.step, note=note)
        if not self.console.is_terminal and time.monotonic() - self._said > LINE_EVERY:
            self._said = time.monotonic()
            self.say(f"{self._name} step {report.step} of {self._loop.settings.steps}: {note}")

    def say(self, sentence: str) -> None:
        """One line above the bar."""
        self.console.print(sentence, highlight=False, soft_wrap=True, markup=False)

    @property
    def seconds_a_step(self) -> float:
        return sum(self._seconds) / max(1, len(self._seconds))

    @property
    def mean_losses(self) -> dict[str, float]:
        """Mean loss of the last steps by phase."""
        return {phase: sum(values) / len(values) for phase, values in self._losses.items()}

    def _loss_text(self) -> str:
        means = self.mean_losses
        if len(means) == 1:
            return f"loss {next(iter(means.values())):.4f}"
        return " ".join(f"{phase} {mean:.4f}" for phase, mean in means.items())

    def _left(self) -> str:
        settings = self._loop.settings
        seconds = (settings.steps - self._loop.step) * self.seconds_a_step
        if settings.minutes is not None:
            seconds = min(seconds, settings.minutes * 60 - self._loop.elapsed)
        return duration(seconds)


def duration(seconds: float) -> str:
    """`3 h 20 min`, `12 min` or `40 s`."""
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{whole} s"
