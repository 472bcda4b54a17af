"""Interpretability scores of several attacks' perturbations on the same examples (section 6, eq. (23))."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tf_strattack import AttackResult, Classifier, InputError, interpret
from tf_strattack.interpret import Region, Scores

from ...inputs.examples import image_ids

# The kinds of regions, named by the values that must exceed a percentile; the last has no percentile.
ASM, ASM_NONZERO, ACTIVATION, FIFTH = "asm", "asm_nonzero", "activation", "activation_fifth"
# Zhou et al. (arXiv 1512.04150) take activations above this share of the maximum for the object.
_SHARE = 0.2

Values = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Explanation:
    """How images are explained: the network's kind of activation map, or None with the reason."""

    classifier: Classifier
    form: str
    activation: str | None
    reason: str

    @classmethod
    def of(cls, classifier: Classifier, form: str) -> Explanation:
        """Uses exact class activation if the network has it, else Grad-CAM."""
        try:
            classifier.feature_maps(pooled=True)
            return cls(classifier, form, "cam", "")
        except InputError:
            pass
        try:
            classifier.feature_maps()
            return cls(classifier, form, "grad_cam", "")
        except InputError as error:
            return cls(classifier, form, None, str(error))

    def saliency(self, result: AttackResult) -> Scores:
        """The adversarial saliency maps of a result's examples."""
        return interpret.asm(self.classifier, result.images, result.labels, result.targets, form=self.form)

    def activations(self, result: AttackResult) -> Scores | None:
        """The activation maps of a result's examples for their labels."""
        maps: dict[str | None, Callable[..., Scores]] = {"cam": interpret.cam, "grad_cam": interpret.grad_cam}
        return maps[self.activation](self.classifier, result.images, result.labels) if self.activation else None


@dataclasses.dataclass(frozen=True)
class Scored:
    """The scores of the N examples in which every attack succeeds.

    Attributes:
      percentiles: the P percentiles.
      scores: region → attack → (P, N), or (1, N) for a region without percentiles.
      even: region → (P, N), the score of a perturbation that is spread evenly over the image.
      images: (N,) the names of the examples' images.
      chosen: (N,) the examples' indices among all.
      num_examples: the number of all examples.
    """

    percentiles: Sequence[float]
    scores: Mapping[str, Mapping[str, Values]]
    even: Mapping[str, Values]
    images: npt.NDArray[np.str_]
    chosen: npt.NDArray[np.intp]
    num_examples: int


def score(
    shards: Iterable[Mapping[str, AttackResult]], explanation: Explanation, percentiles: Sequence[float]
) -> Scored:
    """Scores the perturbations of each shard, a mapping from attacks to results on the same examples."""
    scores: dict[str, dict[str, list[Values]]] = {}
    even: dict[str, list[Values]] = {}
    images: list[npt.NDArray[np.str_]] = []
    chosen: list[npt.NDArray[np.intp]] = []
    total = 0
    for shard in shards:
        first = next(iter(shard.values()))
        everyone = np.logical_and.reduce([result.success for result in shard.values()])
        chosen.append(total + np.flatnonzero(everyone))
        images.append(image_ids(first)[everyone])
        total += len(first)
        kept = {name: result[everyone] for name, result in shard.items()}
        for region, inside in _regions(next(iter(kept.values())), explanation, percentiles).items():
            by_attack = scores.setdefault(region, {name: [] for name in kept})
            for name, result in kept.items():
                by_attack[name].append(np.stack([interpret.interpretability_score(result.delta, i) for i in inside]))
            shares = np.stack([i.reshape(len(i), -1).mean(axis=1) if len(i) else np.zeros(0) for i in inside])
            even.setdefault(region, []).append(np.sqrt(shares))

    def joined(parts: list[Values]) -> Values:
        return np.concatenate(parts, axis=1)

    return Scored(
        percentiles,
        {region: {name: joined(parts) for name, parts in by.items()} for region, by in scores.items()},
        {region: joined(parts) for region, parts in even.items()},
        np.concatenate(images),
        np.concatenate(chosen),
        total,
    )


def _regions(result: AttackResult, explanation: Explanation, percentiles: Sequence[float]) -> dict[str, list[Region]]:
    """The salient regions of a result's examples, by kind and percentile."""
    saliency = explanation.saliency(result)
    regions = {
        ASM: [interpret.binary_asm(saliency, percentile) for percentile in percentiles],
        ASM_NONZERO: [interpret.binary_asm(saliency, percentile, nonzero=True) for percentile in percentiles],
    }
    activations = explanation.activations(result)
    if activations is not None:
        regions[ACTIVATION] = [interpret.binary_asm(activations, percentile) for percentile in percentiles]
        regions[FIFTH] = [activations > _SHARE * activations.max(axis=(1, 2), keepdims=True, initial=0.0)]
    return regions
