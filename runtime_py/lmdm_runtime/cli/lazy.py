"""A click group that imports a sub-command when it is asked for, and turns every error into one sentence."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import click

from lmdm_runtime.cli.commands import CommandEntry
from lmdm_runtime.cli.failures import exit_status, sentence
from lmdm_runtime.distribution import install_command

OWN_PACKAGES = ("lmdm_runtime", "lmdm_train", "lmdm_export")


class LazyGroup(click.Group):
    """Group of the commands in `table`, listed without importing any of them.

    Its `main` prints `error: <sentence>` to stderr and exits 1 (usage errors: 2) unless `show_traceback` is set.
    A command that returns an integer exits with it.
    """

    def __init__(self, *args: Any, table: Mapping[str, CommandEntry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table
        self.show_traceback = False
        self._asked: tuple[str, CommandEntry] | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        self._asked = (cmd_name, entry)
        return load(entry)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.table and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}; the commands are {', '.join(self.table)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.table.items()])

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run the command line and exit; never returns."""
        self.show_traceback, self._asked = False, None
        extra["standalone_mode"] = False
        try:
            result = super().main(args=args, prog_name=prog_name, **extra)
        except click.exceptions.NoArgsIsHelpError as bare:
            bare.show()
            sys.exit(2)
        except Exception as failure:
            if self.show_traceback and not isinstance(failure, click.exceptions.Abort):
                traceback.print_exc()
            text = self._missing_extra(failure) or sentence(failure)
            if text:
                click.echo(f"error: {text}", err=True)
            sys.exit(exit_status(failure))
        sys.exit(result if isinstance(result, int) else 0)

    def _missing_extra(self, failure: BaseException) -> str | None:
        """What to install, when the command that was asked for lacks a package from outside the project."""
        if self._asked is None or not isinstance(failure, ModuleNotFoundError):
            return None
        name, entry = self._asked
        package = (failure.name or "").partition(".")[0]
        if package in OWN_PACKAGES:
            return None
        return f"`lmdm {name}` needs the Python package {package}, which is not installed; run: {install_command(entry.extra)}"


def load(entry: CommandEntry) -> click.Command:
    """Import the command of a table entry."""
    module, _, attribute = entry.target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command), f"{entry.target} is not a click command"
    return command
