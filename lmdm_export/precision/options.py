"""What the commands that write variants share on the command line."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmdm_export.precision.names import NAMES
from lmdm_runtime.cli.documents import json_text

if TYPE_CHECKING:
    from lmdm_export.settings import ExportSettings


class NameList(click.ParamType):
    """Names with commas between them."""

    name = "names"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        return value if isinstance(value, tuple) else tuple(part.strip() for part in str(value).split(",") if part.strip())


class KindList(NameList):
    """Names of precisions."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = super().convert(value, param, ctx)
        strange = [name for name in names if name not in NAMES]
        if strange:
            self.fail(f"there is no precision {strange[0]!r}; there are {', '.join(NAMES)}", param, ctx)
        return names


def command_line() -> str:
    """The command as it was given, without the folders of this machine."""
    return shlex.join(["lmdm", *(argument if not argument.startswith("/") else Path(argument).name for argument in sys.argv[1:])])


def export_in(
    precision: str,
    checkpoint: Path,
    output: Path,
    settings: ExportSettings,
    t5: Path | None,
    budget: float,
    keep: Sequence[str],
    threads: int | None,
    *,
    force: bool,
    as_json: bool,
) -> int:
    """Export a checkpoint in a precision, or in the one that a search chooses; print the ladder and return the exit status."""
    from rich.console import Console

    from lmdm_export.cli.export import load_source, print_result
    from lmdm_export.precision.table import print_ladder, rung_line
    from lmdm_export.precision.writing import Interrupted, export_variant
    from lmdm_export.staging import require_writable
    from lmdm_export.validate.progress import shown
    from lmdm_runtime.cli.tables import wide_console

    require_writable(output, force=force)
    console = Console(stderr=True)
    result = None
    with shown(console) as begin:
        instrument, source = load_source(checkpoint, t5)
        try:
            result, ladder = export_variant(
                instrument,
                output,
                source,
                settings,
                precision,
                budget,
                keep=keep,
                threads=threads,
                force=force,
                on_stage=lambda stage: console.print(f"{instrument.config.name}: {stage}", highlight=False),
                begin=begin,
                on_rung=lambda rung: console.print(rung_line(rung, budget), highlight=False),
            )
        except Interrupted as interrupted:
            ladder = interrupted.ladder
    if as_json:
        click.echo(json_text({**({} if result is None else result.to_json()), "precision": ladder.to_json()}))
    else:
        print_ladder(ladder, wide_console())
        if result is not None:
            print_result(result)
    return 0 if result is not None else 130
