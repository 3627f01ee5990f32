"""The `lmdm` command: a click group whose sub-commands are imported only when they run."""

from __future__ import annotations

import click

from lmdm_runtime.cli.commands import COMMANDS
from lmdm_runtime.cli.lazy import LazyGroup


def _show_traceback(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Runs while arguments are parsed, so that a command that cannot be imported shows its traceback too."""
    assert isinstance(ctx.command, LazyGroup)
    ctx.command.show_traceback = value


@click.group(cls=LazyGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lmdm", message="lmdm %(version)s")
@click.option(
    "--traceback",
    is_flag=True,
    expose_value=False,
    envvar="LMDM_TRACEBACK",
    callback=_show_traceback,
    help="Show the Python traceback behind an error.",
)
def main() -> None:
    """Live Music Diffusion Models: train, export, validate and play streaming instruments."""
