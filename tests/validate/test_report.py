"""Bounds from rounding, verdicts, JSON and tables."""

from __future__ import annotations

import io
import json

import numpy as np
from rich.console import Console

from lmdm_export.validate.bounds import Bound, closed_loop_bounds, rounding_bound
from lmdm_export.validate.metrics import compare
from lmdm_export.validate.report import Check, Control, NotRun, Report
from lmdm_export.validate.table import print_report

GOOD = Check(1, "conditioner cross_k", "max abs", 1e-6, Bound(1e-5, "because", 1e-6), compare(np.ones(3), np.ones(3)))
BAD = Check(2, "latent", "max abs", 1e-3, Bound(1e-5, "because", 1e-6))
CAUGHT, MISSED = Control(3, "stale cross K/V", "max abs", 0.5, 1e-5), Control(3, "swapped K and V", "max abs", 1e-6, 1e-5)


def test_bound_follows_the_measured_rounding_and_has_a_floor() -> None:
    assert rounding_bound(1e-5, peak=1.0).value == 16e-5
    assert rounding_bound(0.0, peak=2.0).value > 0.0
    assert rounding_bound(0.0, peak=0.0).value == 0.0


def test_closed_loop_bound_never_falls_and_follows_the_worst_reference() -> None:
    curve = closed_loop_bounds([np.array([1e-6, 5e-6, 2e-6]), np.array([2e-6, 1e-6, 1e-6])], peaks=np.ones(3))
    np.testing.assert_allclose(curve, 32 * np.array([2e-6, 5e-6, 5e-6]))


def test_verdict_needs_every_check_and_every_control() -> None:
    assert Report("b", "r", [GOOD], [CAUGHT]).passed
    assert not Report("b", "r", [GOOD, BAD], [CAUGHT]).passed
    assert not Report("b", "r", [GOOD], [CAUGHT, MISSED]).passed
    assert not Report("b", "r").passed


def test_nan_is_a_failed_check_and_a_caught_fault() -> None:
    assert not Check(1, "x", "max abs", float("nan"), Bound(1.0, "", 1.0)).passed
    assert Control(1, "x", "max abs", float("nan"), 1.0).caught


def test_failures_are_sentences() -> None:
    broken, missed = Report("b", "r", [GOOD, BAD], [MISSED, CAUGHT]).failures
    assert "latent: max abs is 0.001, the bound is 1e-05" in broken
    assert "'swapped K and V' was not caught" in missed


def test_json_is_valid_where_figures_are_infinite() -> None:
    data = Report("b", "r", [GOOD], [Control(1, "x", "max abs", float("inf"), 0.0)], [NotRun(5, "C++", "none")]).to_json()
    again = json.loads(json.dumps(data, allow_nan=False))
    assert again["passed"] is True
    assert again["checks"][0]["errors"]["snr_db"] is None
    assert again["controls"][0]["caught"] is True


def test_table_names_everything() -> None:
    out = io.StringIO()
    print_report(Report("b", "r", [GOOD, BAD], [CAUGHT, MISSED], [NotRun(5, "C++ runtime", "not installed")]), Console(file=out, width=200))
    text = out.getvalue()
    for word in ("conditioner cross_k", "FAIL", "caught", "MISSED", "not run", "C++ runtime", "1 of 2 checks", "1 of 2 faults"):
        assert word in text
