"""What the command line says about an exception, and the status it exits with."""

from __future__ import annotations

import sys

import click

# Rooms that may not be installed are looked up only among the modules that are already imported:
# an exception of theirs cannot exist before that.
EXPECTED = (
    ("lmdm_runtime.errors", "LmdmError"),
    ("lmdm_train.errors", "LmdmTrainError"),
    ("lmdm_export.errors", "ExportError"),
)


def sentence(failure: BaseException) -> str:
    """One sentence for `failure`; empty for a closed pipe, where nobody is left to read it."""
    if isinstance(failure, BrokenPipeError):
        return ""
    if isinstance(failure, click.exceptions.Abort):
        return "interrupted"
    if isinstance(failure, click.UsageError):
        return _one_line(failure.format_message()) + _help_hint(failure)
    if isinstance(failure, click.ClickException):
        return _one_line(failure.format_message())
    if _is_expected(failure):
        return _one_line(str(failure))
    if _is_loaded_instance(failure, "pydantic_core", "ValidationError"):
        return _validation_sentence(failure)
    if isinstance(failure, OSError) and failure.filename is not None:
        return f"{failure.filename}: {(failure.strerror or type(failure).__name__).lower()}"
    return f"unexpected {type(failure).__name__}: {_one_line(str(failure))} (run `lmdm --traceback …` to see where)"


def exit_status(failure: BaseException) -> int:
    """2 for wrong usage, 130 for an interrupt, 1 for everything else."""
    if isinstance(failure, click.UsageError):
        return 2
    return 130 if isinstance(failure, click.exceptions.Abort) else 1


def _is_expected(failure: BaseException) -> bool:
    return any(_is_loaded_instance(failure, module, name) for module, name in EXPECTED)


def _is_loaded_instance(failure: BaseException, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(failure, kind)


def _validation_sentence(failure: BaseException) -> str:
    """`layout.block: Input should be greater than 0, found -1; …` from a pydantic ValidationError."""
    parts = []
    for error in failure.errors():  # type: ignore[attr-defined]
        where = ".".join(str(part) for part in error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        found = "" if error["type"] in ("missing", "value_error") else f", found {error['input']!r:.60}"
        parts.append(f"{where}: {message}{found}" if where else message)
    return "; ".join(parts)


def _help_hint(failure: click.UsageError) -> str:
    return f"; see `{failure.ctx.command_path} --help`" if failure.ctx is not None else ""


def _one_line(text: str) -> str:
    return " ".join(text.split()).removesuffix(".")
