"""A command that says an expected error in one sentence."""

from __future__ import annotations

import sys
from typing import Any

import click

from lmdm_runtime.cli.failures import EXPECTED, sentence


class Command(click.Command):
    """Errors of the rooms become click's, exit status 1; anything else is a fault of the benchmark and keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as failure:
            expected = tuple(getattr(sys.modules[module], name) for module, name in EXPECTED if module in sys.modules)
            if isinstance(failure, (*expected, OSError)):
                raise click.ClickException(sentence(failure)) from failure
            raise
