"""What a probe of this machine reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "optional", "fault"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    `status`: `ok`; `optional` = absent, and only the features named in `found` need it; `fault` = the runtime cannot work so.
    `fix` is the exact command or step that mends it, None when there is nothing to mend.
    """

    check: str
    status: Status
    found: str
    fix: str | None = None
    details: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}
