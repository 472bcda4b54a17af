"""All promises, tried one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tf_strattack.acceptance.costs import counts
from tf_strattack.acceptance.limits import bounds, epsilon, mask
from tf_strattack.acceptance.outputs import clean_accuracy, confidence, success
from tf_strattack.acceptance.repetition import batch, determinism
from tf_strattack.acceptance.storage import eight_bits
from tf_strattack.acceptance.trial import Owner, Trial
from tf_strattack.acceptance.verdict import Report, Verdict, failed
from tf_strattack.attacks.attack import Attack
from tf_strattack.checks import check_choice
from tf_strattack.errors import InputError

# Name → function of a trial. The last three look at every run that the others have made.
PROMISES: Mapping[str, Callable[[Trial], Verdict]] = {
    "confidence": confidence,
    "epsilon": epsilon,
    "mask": mask,
    "batch": batch,
    "determinism": determinism,
    "counts": counts,
    "8 bits": eight_bits,
    "success": success,
    "bounds": bounds,
    "clean accuracy": clean_accuracy,
}


def check(
    classifier: Any,
    attack: Attack,
    images: Any,
    labels: Any,
    targets: Any = None,
    *,
    owner: Owner | None = None,
    promises: Iterable[str] = tuple(PROMISES),
) -> Report:
    """Tries what attacks promise, by name, on one network and some examples; the attack runs about ten times.

    - "confidence": successes lead by the confidence asked for.
    - "epsilon", "mask", "bounds": no example leaves them, the last two not by a bit.
    - "batch": an example alone, or in another batch, has the result that it has among all.
    - "determinism": the same call again gives the same result, bit by bit.
    - "counts": evaluations are those that the network has seen.
    - "8 bits": `quantize` keeps each success.
    - "success": in every run successes are those by the network's own output, and failures are originals.
    - "clean accuracy": every run finds the same originals classified correctly.

    Args:
      classifier: a `Classifier`, or a Keras model of images in [0, 1].
      attack: any attack of this package, or an object of your own class that derives from `Attack`.
      images: (N, H, W, C) numbers within the bounds; a few, as the attack runs on them again and again.
      labels: (N,) integers, the true classes.
      targets: (N,) integers, the classes to reach, or one for all; None for an untargeted attack.
      owner: the network as you call it, from images to its output (N, K), such as `model.predict`; None calls it
        through the classifier, but without anything that was compiled for the attack.
      promises: names of the promises to try.

    Returns:
      A report: `report.kept`, `report.broken`, and a verdict for each promise. `print(report)` has a line for each.

    Raises:
      InputError: a value of the wrong kind, shape or range, or an unknown promise.

    Example:
      >>> import tf_strattack as sa
      >>> classifier = sa.shipped.load_classifier()
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> print(sa.acceptance.check(classifier, sa.FGM(), images[:3], labels[:3], promises=["bounds", "determinism"]))
      bounds: kept, 3 images within [0, 1] to the last bit
      determinism: kept, the same call again is equal bit by bit
    """
    names = list(promises)
    for name in names:
        check_choice("a promise", name, PROMISES)
    trial = Trial(classifier, attack, images, labels, targets, owner)
    return Report(tuple(verdicts(trial, {name: PROMISES[name] for name in names})))


def verdicts(trial: Trial, promises: Mapping[str, Callable[[Trial], Verdict]] = PROMISES) -> Iterator[Verdict]:
    """The verdicts on `promises`, one after the other; an error of the attack breaks the promise."""
    try:
        _ = trial.result
    except InputError:
        raise  # a value of the caller's, which breaks no promise
    except (Exception, SystemExit):  # each promise has it as its reason
        pass
    for name, promise in promises.items():
        try:
            yield promise(trial)
        except (Exception, SystemExit) as error:  # an attack of the user's own can raise anything
            yield failed(name, error)
