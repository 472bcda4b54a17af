"""The work on one shard, on this machine or on a worker."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tf_strattack import Attack, AttackResult, Classifier, InputError, metrics, quantize
from tf_strattack.images import from_uint8, to_uint8
from tf_strattack.problem.groups import GroupStructure
from tf_strattack.programs.interrupts import complete
from tf_strattack.result_checks import fault_of_return
from tf_strattack.runtime.progress import Callback
from tf_strattack.typing import Images

from ..inputs.examples import Examples
from ..inputs.groups import Grouping
from ..inputs.transforms import UNCHANGED, InputTransform
from .progress_bar import ProgressBar
from .records import Measures, measure
from .rows import DISTANCES
from .tensorboard import Summaries

# Prefix of measures of the float images, which are recorded in addition to those of the quantized ones.
BEFORE = "float_"
# Whether an example would still succeed after rounding alone.
ROUNDED = "rounded_success"


class Outcome(NamedTuple):
    """The examples of a shard as they are stored, and their measures."""

    result: AttackResult
    measures: Measures


# Finished shards by number.
Outcomes = Generator[tuple[int, Outcome], None, None]


@dataclasses.dataclass(frozen=True)
class Work:
    """Attacks a shard, and quantizes the examples to 8 bits if requested.

    Attributes:
      attack: the attack.
      quantize: whether to quantize images.
      grouping: the groups of pixels for the measures.
      batch_size: as in `Attack.__call__`.
      starting_points: (P, H, W, C), for an attack that takes them; None for any other.
      input_transform: a random change of images before the network.
    """

    attack: Attack
    quantize: bool
    grouping: Grouping
    batch_size: int | str | None
    starting_points: Images | None = None
    input_transform: InputTransform = UNCHANGED

    def __call__(self, classifier: Classifier, examples: Examples, callback: Callback | None = None) -> Outcome:
        """Does the work on one shard.

        Raises:
          KeyboardInterrupt: at Ctrl-C.
          InputError: an attack of the user's own returns no result for these examples.
        """
        arguments = examples.labels, examples.targets
        options: dict[str, Any] = {} if self.starting_points is None else {"starting_points": self.starting_points}
        groups = self.grouping.structure(examples.images, examples.image_ids)
        goal = self.input_transform.goal(classifier)
        found = self._attack_on(examples, groups)(
            goal,
            examples.images,
            *arguments,
            batch_size=self.batch_size,
            callback=callback,
            **options,
        )
        fault = fault_of_return(found, len(examples.images), AttackResult)
        if not fault and not np.isfinite(found.adversarial).all():
            fault = "pixels that are NaN or infinite"
        if not fault and not type(self.attack).__module__.startswith("tf_strattack."):
            fault = self._fault_of_success(classifier, found)
        if fault:  # of an attack of the user's own
            raise InputError(f"expected a result for each example, received: {fault}")
        result, before = found, {}
        if self.quantize and not found.interrupted:
            rounded = from_uint8(to_uint8(found.adversarial, classifier.bounds), classifier.bounds)
            before = {
                f"{BEFORE}success": found.success,
                **{f"{BEFORE}{name}": getattr(metrics, name)(found.delta) for name in DISTANCES},
                ROUNDED: self.input_transform.fooled(
                    classifier, dataclasses.replace(found, adversarial=rounded), self.attack.confidence
                ),
            }
            repaired = quantize(
                goal,
                examples.images,
                found.adversarial,
                *arguments,
                batch_size=self.batch_size,
                epsilon=self.attack.largest_change,
                confidence=self.attack.confidence,
            )
            result = _joined(found, repaired)
        result = dataclasses.replace(complete(result), example_ids=examples.example_ids)
        return Outcome(result, {**measure(result, groups=groups), **before})

    def _fault_of_success(self, classifier: Classifier, found: AttackResult) -> str:
        """What is wrong with the successes of an attack that may judge for itself; "" if the network confirms them."""
        if found.interrupted:
            return ""
        other = self.input_transform.fooled(classifier, found, self.attack.confidence) != found.success
        if not other.any():
            return ""
        return (
            f"success of {other.sum()} of {len(found)} examples is not what the network says of their images: leave "
            "it to Attack.__call__ (define objective, init and step alone), or take classifier.fooled_by(images, ...)"
        )

    def _attack_on(self, examples: Examples, groups: GroupStructure) -> Attack:
        """The attack with the groups of the examples; `groups` are those of `grouping`."""
        own = getattr(self.attack, "groups", None)  # an attack of the user's may have any value there
        if isinstance(own, Grouping) and own == self.grouping:
            return _replaced(self.attack, groups)
        return with_groups(self.attack, examples.images, examples.image_ids)


def with_groups(attack: Attack, images: Images, image_ids: npt.NDArray[np.str_]) -> Attack:
    """The attack with the groups of images (N, H, W, C) with these names (N,), if it has a placeholder for them."""
    groups = getattr(attack, "groups", None)
    return _replaced(attack, groups.structure(images, image_ids)) if isinstance(groups, Grouping) else attack


def _replaced(attack: Any, groups: GroupStructure) -> Attack:
    changed: Attack = dataclasses.replace(attack, groups=groups)
    return changed


def work_here(
    work: Work, classifier: Classifier, shards: Iterable[tuple[int, Examples]], total: int, summaries: Summaries
) -> Outcomes:
    """Works on one shard after another in this process, with a progress bar of `total` examples and event files."""
    with ProgressBar(total) as progress_bar:
        for number, examples in shards:
            with summaries.shard(number, progress_bar.follow) as event_files:
                outcome = work(classifier, examples, event_files.follow)
                event_files.show(outcome.result)
            yield number, outcome
            progress_bar.add(len(outcome.result), int(outcome.result.success.sum()))


def _joined(attacked: AttackResult, quantized: AttackResult) -> AttackResult:
    """The quantized images, at the cost of both steps."""
    return dataclasses.replace(
        quantized,
        c=attacked.c,
        attack=attacked.attack,
        origin=None if attacked.origin is None else np.where(quantized.success, attacked.origin, ""),
        gradient_evaluations=attacked.gradient_evaluations + quantized.gradient_evaluations,
        forward_evaluations=attacked.forward_evaluations + quantized.forward_evaluations,
        seconds=attacked.seconds + quantized.seconds,
    )
