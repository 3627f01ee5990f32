"""Distances between two sets of features: Fréchet, and the unbiased kernel distance of the paper's Table 1."""

from __future__ import annotations

import numpy as np

from lmdm_train.errors import LmdmTrainError

Array = np.ndarray


def frechet_of_gaussians(mean_a: Array, covariance_a: Array, mean_b: Array, covariance_b: Array) -> float:
    """`|μa - μb|² + tr(Σa + Σb - 2 (Σa^½ Σb Σa^½)^½)` (Dowson and Landau 1982, Eq. 4).

    Both roots are taken of symmetric matrices by their eigenvalues, so that no complex part and no failure to converge can arise, as they
    do with the root of the product Σa Σb when there are fewer windows than features.
    """
    root_a = _symmetric_root(covariance_a)
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root_a @ covariance_b @ root_a), 0, None)).sum()
    shift = mean_a - mean_b
    return float(shift @ shift + np.trace(covariance_a) + np.trace(covariance_b) - 2 * cross)


def frechet_distance(a: Array, b: Array) -> float:
    """Fréchet distance of two sets of features, [windows, features] each; in the squared unit of the features.

    It grows as windows get fewer, so only sets of one size compare; `kernel_distance` has no such bias.

    Raises:
        LmdmTrainError: a set has fewer than two windows, or values that are not finite.
    """
    a, b = _checked(a), _checked(b)
    return frechet_of_gaussians(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))


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


def _symmetric_root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    root: Array = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root


def _checked(features: Array) -> Array:
    if features.ndim != 2 or len(features) < 2:
        raise LmdmTrainError(f"a distance needs at least two windows of features, found shape {list(features.shape)}; give longer audio")
    if not np.isfinite(features).all():
        raise LmdmTrainError(f"{int((~np.isfinite(features)).any(1).sum())} of {len(features)} windows have features that are not finite")
    return features.astype(np.float64)
