"""The `lmdm` group: imports nothing until asked, and says every error in one sentence."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel, Field

from lmdm_runtime.cli import main
from lmdm_runtime.cli.commands import COMMANDS, CommandEntry
from lmdm_runtime.cli.lazy import LazyGroup
from lmdm_train.errors import LmdmTrainError


class Size(BaseModel):
    block: int = Field(gt=0)


@click.command()
@click.argument("kind")
def raiser(kind: str) -> int:
    """Fail in the way that `kind` names."""
    if kind == "expected":
        raise LmdmTrainError("a.safetensors is truncated.\nFetch it again.")
    if kind == "pydantic":
        Size(block=-1)
    if kind == "os":
        Path("/no/such/file").read_text()
    if kind == "extra":
        importlib.import_module("package_that_is_not_there.module")
    if kind == "interrupt":
        raise KeyboardInterrupt
    if kind == "bug":
        raise ZeroDivisionError("division by zero")
    return 3


@pytest.fixture
def group() -> LazyGroup:
    table = {
        "raiser": CommandEntry(f"{__name__}:raiser", "Fails.", "export"),
        "absent": CommandEntry("package_that_is_not_there.module:command", "Needs an extra.", "export"),
        "broken": CommandEntry("lmdm_runtime.no_such_module:command", "Is a fault of the project."),
    }
    return LazyGroup("lmdm", table=table, context_settings={"help_option_names": ["--help"]})


def run(group: LazyGroup, *args: str) -> Result:
    return CliRunner().invoke(group, args, prog_name="lmdm")


@pytest.mark.parametrize(
    ("kind", "status", "sentence"),
    [
        ("expected", 1, "error: a.safetensors is truncated. Fetch it again\n"),
        ("pydantic", 1, "error: block: Input should be greater than 0, found -1\n"),
        ("os", 1, "error: /no/such/file: no such file or directory\n"),
        ("bug", 1, "error: unexpected ZeroDivisionError: division by zero (run `lmdm --traceback …` to see where)\n"),
    ],
)
def test_an_error_is_one_sentence(group: LazyGroup, kind: str, status: int, sentence: str) -> None:
    result = run(group, "raiser", kind)
    assert (result.exit_code, result.stderr, result.stdout) == (status, sentence, "")


def test_an_interrupt_exits_130(group: LazyGroup) -> None:
    result = run(group, "raiser", "interrupt")
    assert result.exit_code == 130
    assert result.stderr.strip() == "error: interrupted"


def test_a_returned_integer_is_the_exit_status(group: LazyGroup) -> None:
    assert run(group, "raiser", "nothing").exit_code == 3


@pytest.mark.parametrize("args", [["nonsense"], ["--nonsense"], ["raiser"], ["raiser", "a", "b"]])
def test_wrong_usage_exits_2_and_points_at_help(group: LazyGroup, args: list[str]) -> None:
    result = run(group, *args)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "--help`" in result.stderr


@pytest.mark.parametrize("args", [["absent"], ["raiser", "extra"]])
def test_a_missing_extra_says_what_to_install(group: LazyGroup, args: list[str]) -> None:
    result = run(group, *args)
    assert result.exit_code == 1
    assert result.stderr.startswith(
        f"error: `lmdm {args[0]}` needs the Python package package_that_is_not_there, which is not installed; run: pip install "
    )
    assert "[export]'" in result.stderr


def test_a_missing_module_of_our_own_is_not_called_an_extra(group: LazyGroup) -> None:
    result = run(group, "broken")
    assert result.exit_code == 1
    assert "unexpected ModuleNotFoundError: No module named 'lmdm_runtime.no_such_module'" in result.stderr


def test_traceback_is_shown_on_request() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "lmdm_runtime.cli", "--traceback", "inspect", "/no/such/bundle"], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: ")


def test_help_lists_every_command_and_imports_no_room() -> None:
    code = (
        "import sys\nfrom lmdm_runtime.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'numpy', 'onnxruntime', 'rich', 'lmdm_train', 'lmdm_export'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for name, entry in COMMANDS.items():
        assert f"\n  {name} " in result.stdout
        assert entry.summary.split(",")[0] in result.stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"], prog_name="lmdm")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"Usage: lmdm {name}")
