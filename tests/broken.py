"""Attacks, and a network, that each break a promise: what is to be found out is in their first line."""

from __future__ import annotations

import atexit
import dataclasses
import itertools
import os
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

import tf_strattack as sa

_CALLS = itertools.count()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClaimsSuccess(sa.FGM):
    """Every example counts as a success."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        return dataclasses.replace(result, success=np.ones(len(result), bool))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReturnsFailures(sa.FGM):
    """An example that has failed is not its original."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        grey = np.full_like(result.images, 0.5)
        failed = ~result.success[:, None, None, None]
        return dataclasses.replace(
            result, adversarial=np.where(failed, 0.999 * result.images + 0.001 * grey, result.adversarial)
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeavesTheBounds(sa.FGM):
    """White pixels are whiter than white, by the last bit."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        whiter = np.nextafter(np.float32(1), np.float32(2))
        return dataclasses.replace(result, adversarial=np.where(result.adversarial == 1, whiter, result.adversarial))


@dataclasses.dataclass(frozen=True, kw_only=True)
class GivesUpInSmallBatches(sa.FGM):
    """Few examples in a batch are failures."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        if len(result) > 15:
            return result
        return dataclasses.replace(result, adversarial=result.images, success=np.zeros(len(result), bool))


@dataclasses.dataclass(frozen=True, kw_only=True)
class IgnoresConfidence(sa.FGM):
    """The confidence is accepted and ignored."""

    def __call__(self, *arguments, **options):
        return sa.FGM.__call__(dataclasses.replace(self, confidence=0.0), *arguments, **options)


@dataclasses.dataclass(frozen=True, kw_only=True)
class IgnoresEpsilon(sa.FGM):
    """Epsilon is accepted and ignored."""

    def __call__(self, *arguments, **options):
        return sa.FGM.__call__(dataclasses.replace(self, epsilon=None), *arguments, **options)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GivesUpWithEpsilon(sa.FGM):
    """With an epsilon of another scale nothing is found, so that no limit is seen to hold."""

    def __call__(self, *arguments, **options):
        scaled = None if self.epsilon is None else self.epsilon / 255
        return sa.FGM.__call__(dataclasses.replace(self, epsilon=scaled), *arguments, **options)


@dataclasses.dataclass(frozen=True, kw_only=True)
class IgnoresTheMask(sa.FGM):
    """The mask is accepted and ignored."""

    def __call__(self, *arguments, mask=None, **options):
        return super().__call__(*arguments, **options)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TakesNoMask(sa.FGM):
    """There is no mask."""

    def __call__(self, classifier, images, labels, targets=None, *, batch_size=None, callback=None):
        return super().__call__(classifier, images, labels, targets, batch_size=batch_size, callback=callback)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CountsHalf(sa.FGM):
    """Half of the forward evaluations are reported."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        return dataclasses.replace(result, forward_evaluations=result.forward_evaluations // 2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unseeded(sa.FGM):
    """A number of the result is another one at each call."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        return dataclasses.replace(result, c=result.c + np.float32(next(_CALLS)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class FollowsItsProcess(sa.FGM):
    """A number of the result is another one in each process."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        return dataclasses.replace(result, c=result.c + np.float32(os.getpid()))


@dataclasses.dataclass(frozen=True, kw_only=True)
class LooksTooLate(sa.FGM):
    """The accuracy is that under attack."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        return dataclasses.replace(result, clean_correct=result.clean_correct & ~result.success)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Remembers(sa.FGM):
    """In a program, which follows its progress, the result depends on the examples before."""

    def __call__(self, *arguments, callback=None, **options):
        result = super().__call__(*arguments, callback=callback, **options)
        before = 0 if callback is None else next(_CALLS)
        return dataclasses.replace(result, c=result.c + np.float32(before))


@dataclasses.dataclass(frozen=True, kw_only=True)
class LooksAtTheRowBefore(sa.FGM):
    """An example has a larger change if the one before it in the call is a success."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        after = np.roll(result.success, 1)[:, None, None, None] & (np.arange(len(result)) > 0)[:, None, None, None]
        farther = np.clip(result.images + 1.01 * (result.adversarial - result.images), 0, 1)
        return dataclasses.replace(result, adversarial=np.where(after, farther, result.adversarial))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChangesTheMask(sa.FGM):
    """All pixels are allowed after the call, and have changed."""

    def __call__(self, *arguments, mask=None, **options):
        result = super().__call__(*arguments, **options)
        if mask is not None:
            mask[:] = True
        return result


@dataclasses.dataclass(frozen=True, kw_only=True)
class TakesEasyTargets(sa.FGM):
    """Targets are overwritten by the classes that examples reach."""

    def __call__(self, classifier, images, labels, targets=None, **options):
        result = super().__call__(classifier, images, labels, **options)
        targets[:] = classifier.classify(result.adversarial)
        return dataclasses.replace(result, targets=targets)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForgetsLabels(sa.FGM):
    """The labels of the result are all 0."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        return dataclasses.replace(result, labels=np.zeros_like(result.labels))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SucceedsInNumbers(sa.FGM):
    """Success is 1 or 0, not true or false."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        return dataclasses.replace(result, success=result.success.astype(int))


@dataclasses.dataclass(frozen=True, kw_only=True)
class FindsNothing(sa.FGM):
    """Pixels are NaN."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        return dataclasses.replace(result, adversarial=np.full_like(result.images, np.nan))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exits(sa.FGM):
    """The process ends as if all were well."""

    def __call__(self, *arguments, **options):
        sys.exit(0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AlwaysRaises(sa.FGM):
    """No call returns."""

    def __call__(self, *arguments, **options):
        raise ValueError("not today")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeavesOutTheLast(sa.FGM):
    """The result lacks an example."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        return result[:-1]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReturnsImages(sa.FGM):
    """There is no result around the images."""

    def __call__(self, *arguments, **options):
        return super().__call__(*arguments, **options).adversarial


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportsSmallChanges(sa.FGM):
    """The bounds of the result make its changes look half as large."""

    def __call__(self, *arguments, **options):
        return dataclasses.replace(super().__call__(*arguments, **options), bounds=(-1.0, 1.0))


@dataclasses.dataclass(frozen=True, kw_only=True)
class BoastsWithAMask(sa.FGM):
    """With a mask every example counts as a success."""

    def __call__(self, *arguments, mask=None, **options):
        result = super().__call__(*arguments, mask=mask, **options)
        return result if mask is None else dataclasses.replace(result, success=np.ones(len(result), bool))


@dataclasses.dataclass(frozen=True, kw_only=True)
class GreysFailuresNearby(sa.FGM):
    """With a small epsilon, the failures are not their originals."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        if self.epsilon is None:
            return result
        greyer = result.images + np.float32(0.01) * (0.5 - result.images)
        failed = ~result.success[:, None, None, None]
        return dataclasses.replace(result, adversarial=np.where(failed, greyer, result.adversarial))


@dataclasses.dataclass(frozen=True, kw_only=True)
class FillsTheBox(sa.FGM):
    """The box around the mask is allowed."""

    def __call__(self, *arguments, mask=None, **options):
        if mask is not None:
            mask = np.outer(mask.any(axis=1), mask.any(axis=0))
        return super().__call__(*arguments, mask=mask, **options)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TurnsTheMask(sa.FGM):
    """The mask is turned by half a circle."""

    def __call__(self, *arguments, mask=None, **options):
        return super().__call__(*arguments, mask=None if mask is None else mask[::-1, ::-1], **options)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CountsNothingWithAMask(sa.FGM):
    """With a mask no evaluations are reported."""

    def __call__(self, *arguments, mask=None, **options):
        result = super().__call__(*arguments, mask=mask, **options)
        return result if mask is None else dataclasses.replace(result, gradient_evaluations=0 * result.labels)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LosesItsWay(sa.FGM):
    """With an epsilon, failures are NaN."""

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        if self.epsilon is None:
            return result
        lost = np.full_like(result.images, np.nan)
        failed = ~result.success[:, None, None, None]
        return dataclasses.replace(result, adversarial=np.where(failed, lost, result.adversarial))


@dataclasses.dataclass(frozen=True, kw_only=True)
class HasNoConstant(sa.FGM):
    """Nothing is broken: there is no constant, and a seed."""

    seed: int = 0

    def __call__(self, *arguments, **options):
        result = super().__call__(*arguments, **options)
        return dataclasses.replace(result, c=np.full_like(result.c, np.nan))


@dataclasses.dataclass(frozen=True, kw_only=True)
class HasAPath(sa.FGM):
    """A hyper-parameter cannot be recorded."""

    file: Path = Path("here")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prints(sa.FGM):
    """Nothing is broken: the module prints when its process ends."""

    def __call__(self, *arguments, **options):
        atexit.register(print, "the end")
        return super().__call__(*arguments, **options)


def between_levels():
    """A network that only images between the levels of 8 bits fool, images for it, and their labels."""

    def network(images):
        fraction = tf.square(tf.sin(np.pi * 255.0 * images))
        score = 10.0 * tf.reduce_mean(fraction, axis=[1, 2, 3]) - 6.0
        return tf.stack([tf.zeros_like(score), score], axis=1)

    levels = np.random.default_rng(0).integers(20, 230, size=(6, 6, 6, 1))
    return sa.Classifier.from_callable(network), ((levels + 0.2) / 255).astype(np.float32), np.zeros(6, np.int32)
