"""Figures of codec quality move the right way when audio is worsened on purpose."""

from __future__ import annotations

import torch

from lmdm_train.evaluate.codec import mel_error_db, pitch_classes
from lmdm_train.stages.spectral_loss import spectral_distance

RATE = 44_100
TIME = torch.arange(RATE) / RATE
CHORD = sum(torch.sin(2 * torch.pi * hz * TIME) for hz in (220.0, 277.18, 329.63)) * 0.1


def test_a_copy_is_perfect_and_noise_makes_it_worse_step_by_step():
    noise = torch.randn(RATE, generator=torch.Generator().manual_seed(0))
    worse = [CHORD + level * noise for level in (0.0, 0.01, 0.1)]
    mel = [mel_error_db(made, CHORD, RATE) for made in worse]
    distance = [float(spectral_distance(made[None], CHORD[None])) for made in worse]
    assert mel[0] == distance[0] == 0
    assert mel[0] < mel[1] < mel[2]
    assert distance[0] < distance[1] < distance[2]


def test_a_major_chord_has_its_three_pitch_classes():
    heard = pitch_classes(CHORD, RATE)
    assert heard.sum(dim=0).eq(3).all()
    # Counted from A: the chord is A, C sharp and E.
    assert heard[[0, 4, 7]].mean() > 0.99
    transposed = torch.roll(heard, 1, dims=0)
    assert (heard * transposed).sum() == 0
