"""The distances that every verdict rests on."""

from __future__ import annotations

import numpy as np
import pytest

from lmdm_export.validate.metrics import Errors, compare, measure_seams


def test_equal_arrays_have_no_error() -> None:
    wave = np.sin(np.arange(100, dtype=np.float32))
    errors = compare(wave, wave)
    assert (errors.max_abs, errors.max_rel, errors.finite) == (0.0, 0.0, 1.0)
    assert errors.cosine == pytest.approx(1.0)
    assert errors.snr_db == np.inf


def test_known_errors() -> None:
    errors = compare(np.array([0.0, 3.0, -1.0, 0.0]), np.array([0.0, 3.0, -1.0, 0.4]))
    assert errors.max_abs == pytest.approx(0.4)
    assert errors.max_rel == pytest.approx(0.1)
    assert errors.snr_db == pytest.approx(10 * np.log10(10 / 0.16))
    assert errors.peak == 3.0


def test_values_that_are_not_finite_never_pass() -> None:
    errors = compare(np.zeros(4), np.array([0.0, np.nan, 0.0, np.inf]))
    assert errors.max_abs == np.inf
    assert errors.finite == 0.5


def test_a_reference_of_zeros_has_no_scale_to_hide_behind() -> None:
    assert compare(np.zeros(3), np.full(3, 1e-9)).max_rel == np.inf
    assert compare(np.zeros(3), np.zeros(3)).max_rel == 0.0


def test_shapes_are_never_broadcast() -> None:
    with pytest.raises(ValueError, match=r"\[2, 1\].*\[2, 3\]"):
        compare(np.zeros((2, 1)), np.zeros((2, 3)))


def test_worst_takes_each_figure_from_where_it_is_worst() -> None:
    near, far = compare(np.array([10.0, 0.0]), np.array([10.0, 0.1])), compare(np.array([0.1, 0.0]), np.array([0.0, 0.1]))
    worst = Errors.worst([near, far])
    assert worst.max_abs == pytest.approx(0.1)
    assert worst.cosine == pytest.approx(0.0)
    assert worst.peak == 10.0


def test_a_step_at_a_boundary_is_a_seam() -> None:
    time = np.arange(4096)
    wave = np.sin(time / 30)[None]
    stepped = wave.copy()
    stepped[:, 2048:] += 0.5
    clean, broken = measure_seams(wave, wave, [2048], 64), measure_seams(wave, stepped - 0.5 * (time > 2200), [2048], 200)
    assert clean.jump == clean.reference_jump
    assert clean.excess == 1.0
    assert broken.jump > 10 * broken.reference_jump
    assert broken.boundary_error == pytest.approx(0.5)
    assert broken.interior_error < 1e-12


def test_seams_need_a_boundary() -> None:
    with pytest.raises(ValueError, match="no boundary"):
        measure_seams(np.zeros((1, 10)), np.zeros((1, 10)), [0, 10], 2)


def test_seams_of_audio_that_is_not_finite_never_pass() -> None:
    seams = measure_seams(np.ones((1, 10)), np.full((1, 10), np.nan), [5], 2)
    assert seams.jump == seams.boundary_error == seams.interior_error == seams.excess == np.inf
