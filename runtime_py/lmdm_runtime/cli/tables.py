"""Tables on standard output."""

from __future__ import annotations

import sys

from rich.console import Console

WIDE = 130


def wide_console() -> Console:
    """Standard output; where it is no terminal, as wide as the tables are, as nobody can widen it afterwards."""
    return Console() if sys.stdout.isatty() else Console(width=WIDE)
