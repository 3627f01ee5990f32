"""The report as two tables for a terminal: the checks, then the faults that had to be caught."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from lmdm_export.validate.report import STEPS, Report

PASS, FAIL = "[green]pass[/]", "[bold red]FAIL[/]"


def print_report(report: Report, console: Console) -> None:
    """Print both tables, what did not run, the failures in words and the verdict."""
    reasons = list(dict.fromkeys(check.bound.reason for check in report.checks))
    console.print(_checks(report, reasons))
    for number, reason in enumerate(reasons):
        console.print(f"[dim]bound {_letter(number)}: {reason}[/]", highlight=False)
    if report.controls:
        console.print(_controls(report))
    for skipped in report.not_run:
        console.print(f"[yellow]not run[/] step {skipped.step} {STEPS[skipped.step]}: {skipped.what}: {skipped.reason}", highlight=False)
    for sentence in report.failures:
        console.print(f"[bold red]failed[/] {sentence}", highlight=False)
    caught, faults = sum(c.caught for c in report.controls), len(report.controls)
    console.print(f"[dim]seconds: {', '.join(f'{name} {value:.1f}' for name, value in report.seconds.items())}[/]", highlight=False)
    verdict = PASS if report.passed else FAIL
    kept = sum(c.passed for c in report.checks)
    console.print(f"{verdict} {kept} of {len(report.checks)} checks keep their bound, {caught} of {faults} faults caught", highlight=False)


def _letter(number: int) -> str:
    return chr(ord("a") + number)


def _checks(report: Report, reasons: list[str]) -> Table:
    table = Table(title=f"{report.bundle} in {report.engine} against {report.reference}", title_justify="left")
    for column in ("step", "what", "metric"):
        table.add_column(column)
    for column in ("measured", "bound", "of range", "cosine", "SNR dB", "finite"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    for check in report.checks:
        e = check.errors
        table.add_row(
            f"{check.step} {STEPS[check.step]}",
            check.what,
            check.metric,
            _figure(check.measured),
            f"{_figure(check.bound.value)} [dim]{_letter(reasons.index(check.bound.reason))}[/]",
            *(("", "", "", "") if e is None else (_figure(e.max_rel), f"{e.cosine:.6f}", f"{e.snr_db:.1f}", f"{100 * e.finite:.4g} %")),
            PASS if check.passed else FAIL,
        )
    return table


def _controls(report: Report) -> Table:
    table = Table(title="faults made on purpose; each must leave the bound", title_justify="left")
    for column in ("step", "fault", "metric"):
        table.add_column(column)
    for column in ("error", "bound", "over the bound"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    for control in report.controls:
        table.add_row(
            f"{control.step} {STEPS[control.step]}",
            control.fault,
            control.metric,
            _figure(control.measured),
            _figure(control.bound),
            f"{control.factor:,.3g} x",
            "[green]caught[/]" if control.caught else "[bold red]MISSED[/]",
        )
    return table


def _figure(value: float) -> str:
    return f"{value:.2e}" if value and abs(value) < 0.01 else f"{value:.4g}"
