"""Distances between two sets of features: Fréchet, and the unbiased kernel distance of the paper's Table 1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmdm_train.errors import LmdmTrainError

Array = np.ndarray


@dataclass(frozen=True)
class Gaussian:
    """Mean [features] and covariance [features, features]."""

    mean: Array
    covariance: Array

    @classmethod
    def of(cls, features: Array) -> Gaussian:
        """Of a set of features [windows, features].

        Raises:
            LmdmTrainError: fewer than two windows, or values that are not finite.
        """
        checked = _checked(features)
        return cls(checked.mean(0), np.cov(checked, rowvar=False))

    @cached_property
    def root(self) -> Array:
        """The symmetric square root of the covariance."""
        values, vectors = np.linalg.eigh(self.covariance)
        root: Array = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
        return root

    def distance(self, other: Gaussian) -> float:
        """Squared Fréchet distance `|μ - ν|² + tr(Σ + T - 2 (Σ^½ T Σ^½)^½)` (Dowson and Landau 1982, Eq. 4).

        Both roots are taken of symmetric matrices by their eigenvalues, so that no complex part and no failure to converge can arise, as
        they do with the root of the product Σ T when there are fewer windows than features.
        """
        cross = np.sqrt(np.clip(np.linalg.eigvalsh(self.root @ other.covariance @ self.root), 0, None)).sum()
        shift = self.mean - other.mean
        return float(shift @ shift + np.trace(self.covariance) + np.trace(other.covariance) - 2 * cross)


def frechet_distance(a: Array, b: Array) -> float:
    """Squared Fréchet distance of two sets of features, [windows, features] each, as Gaussians.

    It grows as windows get fewer, so only sets of one size compare; `kernel_distance` has no such bias.

    Raises:
        LmdmTrainError: a set has fewer than two windows, or values that are not finite.
    """
    return Gaussian.of(b).distance(Gaussian.of(a))


def kernel_distance(a: Array, b: Array) -> float:
    """Unbiased squared MMD under the kernel `(x·y / features + 1)³` (Bińkowski et al. 2018, Eq. 4); may fall below 0.

    Raises:
        LmdmTrainError: as for `frechet_distance`.
    """
    a, b = _checked(a), _checked(b)
    return float(_mean_off_diagonal(a) + _mean_off_diagonal(b) - 2 * _kernel(a, b).mean())


def _kernel(a: Array, b: Array) -> Array:
    product: Array = (a @ b.T / a.shape[1] + 1) ** 3
    return product


def _mean_off_diagonal(a: Array) -> float:
    kernel = _kernel(a, a)
    return float((kernel.sum() - np.trace(kernel)) / (len(a) * (len(a) - 1)))


def _checked(features: Array) -> Array:
    if features.ndim != 2 or len(features) < 2:
        raise LmdmTrainError(f"a distance needs at least two windows of features, found shape {list(features.shape)}; give longer audio")
    if not np.isfinite(features).all():
        raise LmdmTrainError(f"{int((~np.isfinite(features)).any(1).sum())} of {len(features)} windows have features that are not finite")
    return features.astype(np.float64)
