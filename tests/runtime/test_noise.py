"""The noise generator against published vectors, its addressing and its statistics."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmdm_runtime.noise import Noise, box_muller, philox4x32

# Known-answer vectors of philox4x32-10 that Random123 publishes (kat_vectors): counter, key, output.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox_matches_published_vectors(counter, key, expected):
    assert tuple(philox4x32(np.array([counter], dtype=np.uint32), key)[0]) == expected


def test_one_group_by_hand():
    seed, block, draw = (7 << 32) | 5, (3 << 32) | 2, 9
    integers = philox4x32(np.array([[1, draw, 2, 3]], dtype=np.uint32), (5, 7))[0]
    u = [(float(x) + 0.5) / 2**32 for x in integers]
    radius = [math.sqrt(-2 * math.log(u[0])), math.sqrt(-2 * math.log(u[2]))]
    by_hand = [
        radius[0] * math.cos(2 * math.pi * u[1]),
        radius[0] * math.sin(2 * math.pi * u[1]),
        radius[1] * math.cos(2 * math.pi * u[3]),
        radius[1] * math.sin(2 * math.pi * u[3]),
    ]
    np.testing.assert_allclose(Noise(seed).block(block, draw, (2, 4))[1], by_hand, rtol=1e-6)


def test_shape_only_cuts_the_stream():
    noise = Noise(11)
    long = noise.block(4, 1, (1, 3, 7))
    assert long.dtype == np.float32
    np.testing.assert_array_equal(noise.block(4, 1, (5,)), long.reshape(-1)[:5])


def test_every_part_of_the_address_matters():
    base = Noise(1).block(0, 0, (8,))
    others = [Noise(2).block(0, 0, (8,)), Noise(1 + 2**32).block(0, 0, (8,)), Noise(1).block(1, 0, (8,)), Noise(1).block(2**32, 0, (8,))]
    others.append(Noise(1).block(0, 1, (8,)))
    assert all(not np.array_equal(base, other) for other in others)


def test_extreme_integers_stay_finite():
    assert np.isfinite(box_muller(np.array([[0, 0, 0xFFFFFFFF, 0xFFFFFFFF]], dtype=np.uint32))).all()


def test_moments_of_a_normal():
    z = Noise(3).block(0, 0, (200_000,)).astype(np.float64)
    assert abs(z.mean()) < 0.01
    assert abs(z.std() - 1) < 0.01
    assert abs((z**4).mean() - 3) < 0.1
    assert abs(np.corrcoef(z[::2], z[1::2])[0, 1]) < 0.01


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_that_does_not_fit_is_refused(seed):
    with pytest.raises(ValueError, match="seed"):
        Noise(seed)
