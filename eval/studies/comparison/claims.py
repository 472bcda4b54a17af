"""What the paper says beside its Table 1, measured on the runs of the comparison.

Every figure is over the examples for which the attacks in question succeeded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack import AttackResult, Classifier, Refinement, metrics
from tf_strattack.attacks.refinement import sparse_pattern
from tf_strattack.problem.distortions import CHANGED
from tf_strattack.typing import Images

from ...runs.records import require_same_examples

# The share of the smallest changes that the paper's pattern gives up.
PAPER_QUANTILE = 0.03


def thresholded(
    dense: Iterable[AttackResult], sparse: Iterable[AttackResult], classifier: Classifier
) -> dict[str, Any]:
    """Cuts each perturbation of `dense` to as many largest changes as that of `sparse` has, and tests what is left."""
    held: list[bool] = []
    for one, other in zip(dense, sparse, strict=True):
        require_same_examples([one, other])
        both = one.success & other.success
        delta = _largest(one.delta, metrics.l0(other.delta).astype(int))
        held += list(_succeeds(one, delta, classifier)[both])
    return {"share": _share(held), "num_examples": len(held)}


def sparse_success(unrefined: Iterable[AttackResult], classifier: Classifier) -> dict[str, Any]:
    """Gives up the 3 % smallest changes: who succeeds at once ("restricted"), and who within that pattern at all.

    "retrained" is Proposition 3 on the pattern, as the paper has it; it counts who succeeds restricted or by it.
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
    """Refines the successes of any attack: means of the distances before and after."""
    before, after = [], []
    for result in results:
        refined = _refined(result, classifier)
        before.append(result.delta[result.success])
        after.append(refined.delta[result.success])
    return {"num_examples": sum(map(len, before)), "before": _means(before), "after": _means(after)}


def _refined(result: AttackResult, classifier: Classifier, **parameters: Any) -> AttackResult:
    """Proposition 3 on a result, within the limit and with the confidence that its attack was asked for."""
    asked = {name: result.attack["parameters"][name] for name in ("epsilon", "confidence")}
    refined = Refinement(**asked, **parameters)(
        classifier, result.images, result.adversarial, result.labels, result.targets, batch_size="auto"
    )
    if refined.interrupted:
        raise KeyboardInterrupt  # what is there so far is not what is asked for
    return refined


def _means(parts: list[Images]) -> dict[str, float | None]:
    functions = {"l0": metrics.l0, "l1": metrics.l1, "l2": metrics.l2, "linf": metrics.linf}
    values = {name: np.concatenate([function(part) for part in parts]) for name, function in functions.items()}
    return {name: float(value.mean()) if len(value) else None for name, value in values.items()}


def _largest(delta: Images, numbers: npt.NDArray[np.int64]) -> Images:
    """Each perturbation with all but its `numbers` (N,) largest entries set to 0."""
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
