"""`lmdm doctor`: what this machine has, what it lacks, and the exact fix."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lmdm_runtime.doctor import Finding, examine

MARKS = {"ok": ("✓", "green"), "optional": ("–", "yellow"), "fault": ("✗", "red")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> int:
    """Check this machine, with the exact fix for what is missing.

    ✓ is there; – is absent and only the named feature needs it; ✗ keeps the runtime from working. Exits 1 when there is a ✗.
    """
    findings = examine()
    faults = sum(finding.status == "fault" for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": faults == 0, "findings": [finding.as_json() for finding in findings]}, indent=2, ensure_ascii=False))
    else:
        show(findings, Console())
    return 1 if faults else 0


def show(findings: list[Finding], console: Console) -> None:
    """Print the findings as a table and one closing line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("check", no_wrap=True)
    table.add_column("found", overflow="fold")
    table.add_column("fix", overflow="fold")
    for finding in findings:
        mark, colour = MARKS[finding.status]
        table.add_row(Text(mark, style=colour), finding.check, Text(finding.found), Text(finding.fix or "", style="bold"))
    console.print(table)
    faults = [finding.check for finding in findings if finding.status == "fault"]
    absent = sum(finding.status == "optional" for finding in findings)
    if faults:
        console.print(f"\n{len(faults)} to mend before the runtime works: {', '.join(faults)}", style="red", highlight=False)
    else:
        console.print(f"\nThe runtime works here; {absent} optional {'part is' if absent == 1 else 'parts are'} absent.", highlight=False)
