"""One sitting of a run: steps, logs, saves and demos until the end or until a signal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn

from lmdm_train.engine.folder import read_newest, write_state
from lmdm_train.engine.log import Log
from lmdm_train.engine.loop import Loop, NotFiniteError
from lmdm_train.engine.progress import Shown
from lmdm_train.engine.randomness import derived_seed
from lmdm_train.engine.signals import StopRequest
from lmdm_train.errors import LmdmTrainError

FLUSH_EVERY = 10.0  # seconds between looks that a person may take at the log


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        losses: means over the last steps, by phase.
        seconds: training time over all sessions.
        signal: number of the signal that stopped it, else None.
        main: whether this is the process that speaks for all.
    """

    step: int
    steps: int
    product: Path
    losses: dict[str, float]
    seconds: float
    signal: int | None
    main: bool


def together(fabric: Fabric, work: Callable[[], None]) -> None:
    """Do `work` on the first process while the others wait; where it raises LmdmTrainError there, the others end without a word."""
    failure: LmdmTrainError | None = None
    if fabric.global_rank == 0:
        try:
            work()
        except LmdmTrainError as error:
            failure = error
    failed = fabric.broadcast(failure is not None)
    if failure is not None:
        raise failure
    if failed:
        # Any other status would make the launcher kill the process that is telling what happened.
        raise SystemExit(0)


class Session:
    """Trains a loop in a run's folder; see `lmdm_train.engine.run` for what the arguments mean."""

    def __init__(self, loop: Loop, stage: str, folder: Path, go_on: str, *, quiet: bool) -> None:
        self.loop, self.stage, self.folder, self.go_on, self.quiet = loop, stage, folder, go_on, quiet
        self.product = folder / f"{folder.name}.safetensors"
        self._state_at = self._product_at = -1
        self._flushed = time.monotonic()
        self._news: list[str] = []

    def restore(self) -> None:
        """Go on from the newest state that can be read; from the beginning where the run ended before its first one."""
        state, complaints = read_newest(self.folder / "state")
        if state is not None:
            self.loop.restore(state)
            self._state_at = self.loop.step
        self._news = [*complaints, f"going on from step {self.loop.step} of {self.loop.settings.steps}"]

    def run(self) -> Outcome:
        """Train to the end of the settings' steps or minutes, or until a signal comes, and save."""
        loop, settings = self.loop, self.loop.settings
        log = Log(self.folder, loop.step, tensorboard=settings.tensorboard) if loop.fabric.global_rank == 0 else None
        stopped = False
        with StopRequest() as request, Shown(loop, self.stage, quiet=self.quiet) as shown:
            for sentence in self._news:
                shown.say(sentence)
            try:
                while not loop.finished and not stopped:
                    stopped = self._step(request, shown, log)
            except NotFiniteError:
                together(loop.fabric, lambda: self._last_save(log))
                if log is None:
                    raise SystemExit(0) from None
                raise
            together(loop.fabric, lambda: self._last_save(log))
            if stopped:
                shown.say(f"stopped after step {loop.step} of {settings.steps}; go on with: {self.go_on}")
        signal = (request.asked or 15) if stopped else None
        return Outcome(loop.step, settings.steps, self.product, shown.mean_losses, loop.elapsed, signal, log is not None)

    def _step(self, request: StopRequest, shown: Shown, log: Log | None) -> bool:
        """One step and what is due after it; returns whether the run is to stop."""
        loop, settings = self.loop, self.loop.settings
        began = time.monotonic()
        report = loop.advance(stop=lambda: request.asked is not None)
        shown.step(report, time.monotonic() - began)
        if log is None:
            return report.stop
        log.add(report, loop.elapsed)
        if time.monotonic() - self._flushed > FLUSH_EVERY:
            self._flushed = time.monotonic()
            with suppress(OSError):  # the next save says so
                log.flush()
        if settings.demo_every and loop.step % settings.demo_every == 0:
            self._demo(shown)
        if loop.step % settings.save_every == 0:
            try:
                self._save(log)
            except LmdmTrainError as failure:
                shown.say(f"{failure}; training goes on and saves again at the next turn")
        return report.stop

    def _save(self, log: Log) -> None:
        """Log, state and product; raises LmdmTrainError where one cannot be written, and leaves the older ones."""
        try:
            log.flush()
            if self.loop.step != self._state_at:
                write_state(self.folder / "state", self.loop.capture())
                self._state_at = self.loop.step
            if self.loop.step != self._product_at:
                with self._as_before():
                    self.loop.stage.save(self.product, self.loop.averaged)
                self._product_at = self.loop.step
        except OSError as failure:
            reason = (failure.strerror or str(failure)).lower()
            raise LmdmTrainError(f"{self.folder} could not be written ({reason}); free some space: older states there are kept") from None

    def _last_save(self, log: Log | None) -> None:
        assert log is not None
        self._save(log)
        log.close()

    def _demo(self, shown: Shown) -> None:
        folder = self.folder / "demos" / f"step-{self.loop.step:08d}"
        torch.manual_seed(derived_seed("demo", self.loop.settings.seed, self.loop.step))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._as_before():
                self.loop.stage.demo(folder, self.loop.averaged)
        except (LmdmTrainError, OSError) as failure:
            shown.say(f"no demo at step {self.loop.step}: {failure}; training goes on")

    @contextmanager
    def _as_before(self) -> Iterator[None]:
        """Without gradients, and leaving every module in the mode, training or evaluation, in which it was."""
        modes: list[tuple[nn.Module, bool]] = [(m, m.training) for top in self.loop.parts.modules.values() for m in top.modules()]
        try:
            with torch.no_grad():
                yield
        finally:
            for module, mode in modes:
                module.training = mode
