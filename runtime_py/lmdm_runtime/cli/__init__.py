"""The `lmdm` command: a click group whose sub-commands are imported only when they run."""

from __future__ import annotations

import click

from lmdm_runtime.cli.commands import COMMANDS
from lmdm_runtime.cli.lazy import LazyGroup


@click.group(cls=LazyGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lmdm", message="lmdm %(version)s")
@click.option("--traceback", is_flag=True, envvar="LMDM_TRACEBACK", help="Show the Python traceback behind an error.")
@click.pass_context
def main(ctx: click.Context, traceback: bool) -> None:
    """Live Music Diffusion Models: train, export, validate and play streaming instruments."""
    assert isinstance(ctx.command, LazyGroup)
    ctx.command.show_traceback = traceback
