"""Claims of the paper outside its Table 1, measured on the runs of the comparison.

Every figure is over the examples on which the attacks in question succeed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack import AttackResult, Classifier, Refinement, metrics
from tf_strattack.attacks.refinement import sparse_pattern
from tf_strattack.problem.distortions import CHANGED
from tf_strattack.programs.interrupts import complete
from tf_strattack.typing import Images

from ...runs.records import require_same_examples

# The share of the smallest changes that the paper's pattern drops.
PAPER_QUANTILE = 0.03


def thresholded(
    dense: Iterable[AttackResult], sparse: Iterable[AttackResult], classifier: Classifier
) -> dict[str, Any]:
    """Truncates each perturbation of `dense` to as many changes as `sparse` has, keeps the largest, and tests it."""
    held: list[bool] = []
    for one, other in zip(dense, sparse, strict=True):
        require_same_examples([one, other])
        both = one.success & other.success
        delta = _largest(one.delta, metrics.l0(other.delta).astype(int))
        held += list(_succeeds(one, delta, classifier)[both])
    return {"share": _share(held), "num_examples": len(held)}


def sparse_success(unrefined: Iterable[AttackResult], classifier: Classifier) -> dict[str, Any]:
    """Drops the 3 % smallest changes: the share that succeeds at once, and within the remaining pattern at all.

    "restricted" is the first share. "retrained" counts an example if it succeeds at once or by the paper's Proposition
    3 on the pattern.
    """
    restricted: list[bool] = []
    retrained: list[bool] = []
    for result in unrefined:
        pattern = sparse_pattern(result.delta, PAPER_QUANTILE)
        at_once = _succeeds(result, np.where(pattern, result.delta, 0.0), classifier)
        refined = _refined(result, classifier, sigma_quantile=PAPER_QUANTILE)
        within = refined.success & ~(np.abs(refined.delta) * ~pattern > CHANGED).any(axis=(1, 2, 3))
        restricted += list(at_once[result.success])
        retrained += list((at_once | within)[result.success])
    return {"restricted": _share(restricted), "retrained": _share(retrained), "num_examples": len(restricted)}


def refinement(results: Iterable[AttackResult], classifier: Classifier) -> dict[str, Any]:
    """Refines the successful examples of any attack; returns the mean distances before and after."""
    before, after = [], []
    for result in results:
        refined = _refined(result, classifier)
        before.append(result.delta[result.success])
        after.append(refined.delta[result.success])
    return {"num_examples": sum(map(len, before)), "before": _means(before), "after": _means(after)}


def _refined(result: AttackResult, classifier: Classifier, **parameters: Any) -> AttackResult:
    """Proposition 3 on a result, with the limit and the confidence of its attack."""
    same = {name: result.attack["parameters"][name] for name in ("epsilon", "confidence")}
    method = Refinement(**same, **parameters)
    examples = result.images, result.adversarial, result.labels, result.targets
    return complete(method(classifier, *examples, batch_size="auto"))


def _means(parts: list[Images]) -> dict[str, float | None]:
    values = {name: np.concatenate([of(part) for part in parts]) for name, of in metrics.DISTANCES.items()}
    return {name: float(value.mean()) if len(value) else None for name, value in values.items()}


def _largest(delta: Images, numbers: npt.NDArray[np.int64]) -> Images:
    """Each perturbation with all entries set to 0 except its `numbers` (N,) largest."""
    flat = np.abs(delta).reshape(len(delta), -1)
    rank = np.argsort(np.argsort(-flat, axis=1, kind="stable"), axis=1)
    return np.where((rank < numbers[:, None]).reshape(delta.shape), delta, np.float32(0.0))


def _succeeds(result: AttackResult, delta: Images, classifier: Classifier) -> npt.NDArray[np.bool_]:
    low, high = result.bounds
    images = np.clip(result.images + np.float32(high - low) * delta, low, high).astype(np.float32)
    confidence = result.attack["parameters"]["confidence"]
    return classifier.fooled_by(images, result.labels, result.targets, confidence=confidence, batch_size=len(images))


def _share(values: list[bool]) -> float | None:
    return float(np.mean(values)) if values else None
