"""Energy of the processor, where the system lets it be read (RAPL through powercap)."""

from __future__ import annotations

from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


class EnergyMeter:
    """Joules of all processor packages since it was made. `reason` says why there are none."""

    def __init__(self, root: Path = POWERCAP) -> None:
        self.reason: str | None = None
        packages = sorted(root.glob("intel-rapl:[0-9]")) if root.is_dir() else []
        self._counters = [package / "energy_uj" for package in packages]
        self._ranges = [package / "max_energy_range_uj" for package in packages]
        if not packages:
            self.reason = f"{root} has no intel-rapl packages on this machine"
            return
        try:
            self._before = [int(counter.read_text()) for counter in self._counters]
        except OSError as error:
            self.reason = f"{error.filename} cannot be read: {(error.strerror or 'refused').lower()}"

    def joules(self) -> float | None:
        """None where it cannot be read. A counter that began again is taken as having done so once."""
        if self.reason is not None:
            return None
        spent = 0
        for counter, top, before in zip(self._counters, self._ranges, self._before, strict=True):
            now = int(counter.read_text())
            spent += now - before if now >= before else now + int(top.read_text()) - before
        return spent / 1e6
