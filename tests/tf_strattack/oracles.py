"""Optima in closed form, for small problems, by plain loops."""

from __future__ import annotations

import numpy as np


def group_sparse_optimum(slope, offset, image, size, tau):
    """The least ||d||^2 + tau sum ||d_i|| with offset + slope^T d <= 0 and 0 <= image + d <= 1, by bisection.

    Given the multiplier, every group is d_i = clip(-multiplier slope_i / (2 + tau / ||d_i||)), where the norm is the
    larger root of one equation.
    """
    side = image.shape[0]
    squares = [(slice(i, i + size), slice(j, j + size)) for i in range(0, side, size) for j in range(0, side, size)]

    def change(multiplier):
        delta = np.zeros_like(image)
        for square in squares:
            low, high = 0.0, 10.0
            for _ in range(60):
                norm = (low + high) / 2
                found = np.clip(-multiplier * slope[square] / (2 + tau / norm), -image[square], 1 - image[square])
                low, high = (norm, high) if np.linalg.norm(found) > norm else (low, norm)
            delta[square] = found if low > 1e-9 else 0.0
        return delta

    low, high = 0.0, 1e4
    for _ in range(60):
        multiplier = (low + high) / 2
        low, high = (multiplier, high) if offset + np.sum(slope * change(multiplier)) > 0 else (low, multiplier)
    delta = change(high)
    return np.sum(delta**2) + tau * sum(np.linalg.norm(delta[square]) for square in squares)
