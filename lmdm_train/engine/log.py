"""The log of a run: one CSV row for each optimiser step, and TensorBoard where it is installed."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

from lmdm_train.checkpoint.files import write_atomically
from lmdm_train.engine.loop import StepReport

FIRST = ["step", "phase", "rate", "norm", "elapsed", "loss"]


class Log:
    """Writes `log.csv` and, if wanted and installed, `tensorboard/` in a run's folder.

    Rows beyond `step`, of steps that a resumed run does again, are removed. All columns but `elapsed` (seconds of training)
    are the same in a resumed run and an unbroken one. Rows that a full disk refuses are kept and written with the next ones.
    """

    def __init__(self, folder: Path, step: int, *, tensorboard: bool) -> None:
        self.path = folder / "log.csv"
        self._columns, rows = _read(self.path)
        kept = [row for row in rows if int(row["step"]) <= step]
        self._pending: list[dict[str, Any]] = []
        self._rewrite(kept)
        self._board = _board(folder / "tensorboard", step) if tensorboard else None

    def add(self, report: StepReport, elapsed: float) -> None:
        """One step's row."""
        own = {f"stage_{key}" if key in FIRST and key != "loss" else key: value for key, value in report.losses.items()}
        numbers = {"rate": report.rate, "norm": report.norm, **own}
        self._pending.append({"step": report.step, "phase": report.phase, "elapsed": round(elapsed, 3), **numbers})
        if self._board is not None:
            for key, value in numbers.items():
                self._board.add_scalar(f"{report.phase}/{key}", value, report.step)

    def flush(self) -> None:
        """Write what has been added; raises OSError where the disk is full, and keeps the rows."""
        if not self._pending:
            return
        unknown = [key for row in self._pending for key in row if key not in self._columns]
        if unknown:
            _, rows = _read(self.path)
            self._columns += dict.fromkeys(unknown)
            self._rewrite(rows)
        rest = _text(self._columns, self._pending).encode()
        # Without a buffer, so that nothing is left to be written by the closing of a file that was cut back.
        with self.path.open("r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                file.truncate(size)
                raise
        self._pending = []
        if self._board is not None:
            self._board.flush()

    def close(self) -> None:
        """Write the rest."""
        self.flush()
        if self._board is not None:
            self._board.close()

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        header = ",".join(self._columns) + "\n"
        write_atomically(self.path, (header + _text(self._columns, rows)).encode())


def _text(columns: list[str], rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    csv.DictWriter(text, columns, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and whole rows; a last row that a crash has cut short is left out."""
    try:
        whole = path.read_text().rpartition("\n")[0]
    except OSError:
        return list(FIRST), []
    reader = csv.DictReader(io.StringIO(whole))
    rows = [row for row in reader if (row.get("step") or "").isdigit()]
    return list(reader.fieldnames or FIRST), rows


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
