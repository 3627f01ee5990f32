"""What an import did with every key of the file it read."""

from __future__ import annotations

from dataclasses import dataclass, field

from lmdm_train.checkpoint.files import named


@dataclass
class ImportReport:
    """Every key of a source file is in `used` or in one of the lists of `left_out`; `notes` says what else was decided."""

    source: str
    used: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def leave_out(self, reason: str, key: str) -> None:
        self.left_out.setdefault(reason, []).append(key)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def lines(self) -> list[str]:
        """The report as text, a line for each thing worth knowing."""
        text = [f"{self.source}: {len(self.used)} tensors used"]
        text += [f"left out, {reason}: {len(keys)} ({named(keys)})" for reason, keys in self.left_out.items()]
        return text + [f"note: {note}" for note in self.notes]
