"""Promises about where images may change, and by how much: the bounds, epsilon, the mask."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tf_strattack.acceptance.trial import Trial
from tf_strattack.acceptance.verdict import Verdict
from tf_strattack.typing import Flags

# The share of the largest change so far that is then allowed, so that the limit binds.
_TIGHTER = 0.8
_NOT_FINITE = "changes are NaN or infinite"


def bounds(trial: Trial) -> Verdict:
    """Every image of every run is float32, finite, of the originals' shape, and within the bounds to the last bit."""
    low, high = (np.float32(bound) for bound in trial.classifier.bounds)
    seen = 0
    _ = trial.result  # one run at least
    for rows, result, _ in trial.runs:
        adversarial = np.asarray(result.adversarial)
        seen += len(adversarial)
        if adversarial.dtype != np.float32 or adversarial.shape != trial.images[rows].shape:
            text = f"images of {adversarial.dtype} {adversarial.shape}, not float32 {trial.images[rows].shape}"
            return Verdict("bounds", False, text)
        targets = None if trial.targets is None else trial.targets[rows]
        parts: dict[str, tuple[Any, Any]] = {
            "originals": (result.images, trial.images[rows]),
            "labels": (result.labels, trial.labels[rows]),
            "targets": (result.targets, targets),
            "bounds": (result.bounds, trial.classifier.bounds),
        }
        for name, pair in parts.items():
            if not np.array_equal(*pair):
                return Verdict("bounds", False, f"the {name} of the result are not those of the call")
        if not np.isfinite(adversarial).all():
            return Verdict("bounds", False, f"{(~np.isfinite(adversarial)).sum()} pixels are NaN or infinite")
        outside = ~((adversarial >= low) & (adversarial <= high))
        if outside.any():
            worst = float(np.maximum(low - adversarial, adversarial - high).max())
            text = f"{outside.sum()} pixels are outside [{low:g}, {high:g}], by up to {worst:.3g}"
            return Verdict("bounds", False, text, {"pixels": int(outside.sum()), "by": worst})
    return Verdict("bounds", True, f"{seen} images within [{low:g}, {high:g}] to the last bit", {"images": seen})


def epsilon(trial: Trial) -> Verdict:
    """No example changes by more than epsilon, its own or a smaller one, which binds."""
    free = trial.result
    if not free.success.any():
        return Verdict("epsilon", None, "no example has succeeded, so that no limit binds")
    if not np.isfinite(free.adversarial).all():
        return Verdict("epsilon", False, _NOT_FINITE)
    largest = float(trial.size(free)[free.success].max())
    limit = _TIGHTER * largest
    if limit <= 0:
        return Verdict("epsilon", None, "the originals are successes already, so that no limit binds")
    own = trial.attack.epsilon
    tight = trial.run(dataclasses.replace(trial.attack, epsilon=limit))
    if not np.isfinite(tight.adversarial).all():
        return Verdict("epsilon", False, _NOT_FINITE)
    for allowed, result in ((own, free), (limit, tight)):
        if allowed is not None and (over := trial.size(result).max() - allowed) > trial.rounding * (1 + allowed):
            text = f"epsilon is {allowed:.6g}, the largest change {allowed + over:.6g}"
            return Verdict("epsilon", False, text, {"epsilon": allowed, "largest": float(allowed + over)})
    details = {"epsilon": limit, "largest": float(trial.size(tight).max()), "successes": int(tight.success.sum())}
    if not tight.success.any():
        text = f"with {limit:.4g}, less than was needed, no example succeeds, so that none has changed"
        return Verdict("epsilon", None, text, details)
    text = f"with {limit:.4g}, less than was needed, the largest change is {details['largest']:.4g}"
    return Verdict("epsilon", True, text, details)


def mask(trial: Trial) -> Verdict:
    """Nothing changes outside the mask, not by a bit."""
    height, width = trial.images.shape[1:3]
    inside = asymmetric_mask(height, width)
    result = trial.run(mask=inside.copy())
    outside = result.adversarial[:, ~inside] != trial.images[:, ~inside]
    details = {"pixels_inside": int(inside.sum()), "successes": int(result.success.sum())}
    if outside.any():
        text = f"{outside.any(axis=-1).sum()} pixels outside the mask have changed"
        return Verdict("mask", False, text, details)
    if not result.success.any():
        return Verdict("mask", None, "no example succeeds within the mask, so that none has changed", details)
    examples, pixels = f"{result.success.sum()} of {len(result)}", f"{inside.sum()} of {height * width}"
    text = f"{examples} examples succeed within {pixels} pixels; no other has changed"
    return Verdict("mask", True, text, details)


def asymmetric_mask(height: int, width: int) -> Flags:
    """Allowed pixels (H, W): a block without one of its corners and without a pixel in it.

    Its mirror images differ from it, and so does the box around it.
    """
    down, across = height // 8, width // 4
    inside = np.zeros((height, width), bool)
    inside[down : height - down, across : width - across] = True
    inside[down : down + (height - 2 * down) // 3, across : across + (width - 2 * across + 2) // 3] = False
    inside[height - down - (height - 2 * down) // 3 - 1, (2 * width) // 3 - 1] = False
    return inside
