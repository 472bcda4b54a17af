"""The base of attacks, refinement and quantization: checks, streaming in batches, and a verified result."""

from __future__ import annotations

import abc
import dataclasses
import time
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from tf_strattack.attacks.batch_sizes import chosen_batch_size, smaller_batch_size
from tf_strattack.attacks.hyper_parameters import record_of
from tf_strattack.checks import (
    check_classes,
    check_function,
    check_mask,
    check_number,
    check_targets,
)
from tf_strattack.image_checks import check_like
from tf_strattack.notices import report
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.base import Goal
from tf_strattack.problem.goals.misclassify import Misclassify, as_goal
from tf_strattack.problem.starting_points import StartingPoints
from tf_strattack.problem.work import Work
from tf_strattack.result import AttackResult
from tf_strattack.runtime import devices
from tf_strattack.runtime.causes import out_of_memory
from tf_strattack.runtime.progress import Callback, Tracker
from tf_strattack.runtime.rows import pad_rows, positions_of
from tf_strattack.solvers.base import Originals
from tf_strattack.solvers.best import ORIGINS, Solution
from tf_strattack.typing import Classes, Flags, Images, Places, Rows
from tf_strattack.versions import versions


class Examples(NamedTuple):
    """Checked arguments of N examples, see `Attack.__call__`.

    `given` are the images from which a refinement starts, `asked` the classes that the goal derives for each example.
    """

    images: Images
    given: Images
    labels: Classes
    targets: Classes | None
    asked: Classes
    mask: Images
    positions: npt.NDArray[np.int32]
    starting_points: StartingPoints | None = None

    def at(self, rows: slice) -> Examples:
        """Some of the examples."""
        return Examples(*(None if part is None else part[rows] for part in self))  # type: ignore[arg-type]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Method(abc.ABC):
    """The base of attacks and refinement: hyper-parameters, streaming, verification.

    Attributes:
      epsilon: the largest change of a pixel, in [0, 1] scale, or None for no limit but the bounds.
      confidence: how far, in logits, the target must lie above all other classes (untargeted: another
        class above the label).
    """

    name: ClassVar[str]

    epsilon: float | None = None
    confidence: float = 0.0

    def __post_init__(self) -> None:
        """Checks the values; subclasses add theirs."""
        if self.largest_change is not None:
            check_number("epsilon, in [0, 1] scale,", self.largest_change, 0.0, 1.0, open_low=True)
        check_number("confidence", self.confidence, 0.0)

    @property
    def largest_change(self) -> float | None:
        """The largest change of a pixel, in [0, 1] scale, that `epsilon` allows; None for no limit but the bounds."""
        return self.epsilon

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        """The hyper-parameters by name, resolved, as plain values for records."""
        record: dict[str, Any] = record_of(self)
        del record["class"]
        return record

    @abc.abstractmethod
    def iterations(self) -> int:
        """The total number of iterations of a batch, for progress."""

    @abc.abstractmethod
    def perturb(self, work: Work, given: Images) -> Solution:
        """Works on a batch; `given` (N, H, W, C) holds the perturbations from which a refinement starts, else 0."""

    def originals(self, work: Work, margins: Rows) -> Originals:
        """What a solver must know about the originals, from their margins (N,) in logits."""
        return Originals(margins, work.goal.required_margin(margins, self.confidence), self.confidence)

    def valid(self, goal: Goal, images: Images, delta: Images) -> Images:
        """The images (N, H, W, C) of perturbations of the originals, in the classifier's scale."""
        return goal.valid_images(images, delta)

    def fallback_images(self, images: Images, given: Images) -> Images:
        """The images of examples without a success: those that came in, which for an attack are the originals."""
        return given

    def run(
        self,
        classifier: Any,
        images: Any,
        start: Any,
        labels: Any,
        targets: Any,
        mask: Any,
        batch_size: int | str | None,
        callback: Callback | None,
        positions: npt.NDArray[np.int32] | None = None,
        starting_points: Any = None,
    ) -> AttackResult:
        """Checks the arguments (see `Attack.__call__`) and streams them through `perturb`.

        `positions` (N,) are the rows of the images in the inputs that have a row for each image, if the images are only
        some of them.
        """
        check_function("callback", callback, "print")
        goal = as_goal(classifier).aimed(targets is not None)
        examples = _checked(goal, images, start, labels, targets, mask, positions)
        points = StartingPoints.checked(starting_points, goal.classifier, examples.images)
        examples = examples._replace(starting_points=points)
        size = chosen_batch_size(batch_size, goal, examples.images)
        tracker = Tracker(len(examples.images), callback)
        parts: list[AttackResult] = []
        first = 0
        while first < len(examples.images) or not parts:
            batch = examples.at(slice(first, first + size))
            try:
                parts.append(self._run_batch(goal, batch, tracker))
            except KeyboardInterrupt:  # outside the loop, which keeps its best: this batch is lost
                tracker.interrupted = True
                parts.append(self._run_batch(goal, batch, tracker))
            except Exception as error:
                if not out_of_memory(error):
                    raise
                size = smaller_batch_size(goal, batch.images, batch_size, error)
                continue
            first += size
        if tracker.lost:
            report(
                f"the network returned NaN or infinity on perturbed images of {tracker.lost} of "
                f"{len(examples.images)} examples: their lack of success says nothing about robustness"
            )
        return dataclasses.replace(
            AttackResult.concatenate(parts), interrupted=tracker.interrupted, calls=dict(+tracker.calls)
        )

    def _run_batch(self, goal: Goal, examples: Examples, tracker: Tracker) -> AttackResult:
        rows, started = len(examples.images), time.monotonic()
        nothing = np.zeros(rows, bool)
        outcome = examples.given, nothing, nothing, np.zeros(rows, np.float32), np.zeros(rows, np.int8)
        tracker.start_batch(rows, self.iterations())
        if rows and not tracker.interrupted:
            outcome = self._attacked(goal, examples, tracker)
        adversarial, success, clean_correct, c, origin = outcome
        aim = {} if isinstance(goal, Misclassify) else {"goal": record_of(goal, without=("classifier", "targeted"))}
        return AttackResult(
            images=examples.images,
            adversarial=adversarial,
            success=success,
            labels=examples.labels,
            targets=examples.targets,
            clean_correct=clean_correct,
            c=c,
            gradient_evaluations=tracker.gradients,
            forward_evaluations=tracker.forwards,
            origin=np.where(success, np.array(ORIGINS)[origin], ""),
            seconds=np.full(rows, (time.monotonic() - started) / max(1, rows), np.float32),
            bounds=goal.classifier.bounds,
            attack={"name": self.name, "parameters": self.hyper_parameters, **aim, "versions": versions()},
        )

    def _attacked(
        self, goal: Goal, examples: Examples, tracker: Tracker
    ) -> tuple[Images, Flags, Flags, npt.NDArray[np.float32], npt.NDArray[np.int8]]:
        """Perturbs and verifies: adversarial images, success, whether the original is correct, c, and origin."""
        images, given, classes = examples.images, examples.given, examples.asked
        low, high = goal.classifier.bounds
        whole = devices.padded(len(images), images.shape[1:])
        *padded, positions = (pad_rows(part, whole) for part in (images, classes, examples.mask, examples.positions))
        batch = Batch.build((low, high), *padded, epsilon=self.largest_change, positions=positions)
        places = np.arange(len(images))
        work = Work(goal, batch, places, tracker, examples.starting_points)
        start = (given - images) / np.float32(high - low)
        found = self.perturb(work, start)
        otherwise = self.fallback_images(images, given)

        def judged(rows: Places, adversarial: Images) -> Flags:
            size = devices.padded(len(rows), images.shape[1:])
            tracker.spend(rows, size, forwards=goal.batched)
            # Calls of an owner's own predict, and of single images, are not padded.
            tracker.spend(rows, 1, forwards=goal.passes - goal.batched, alone=True)
            positions = examples.positions[rows]
            return goal.verify(adversarial, classes[rows], confidence=self.confidence, positions=positions)

        adversarial, success, rows = otherwise.copy(), np.zeros(len(images), bool), places
        for stricter in (*goal.stricter(), None):
            valid = self.valid(goal, images[rows], found.delta[rows])
            adversarial[rows] = np.where(found.found[rows, None, None, None], valid, otherwise[rows])
            success[rows] = judged(rows, adversarial[rows])
            rows = np.flatnonzero(found.found & ~success)
            if not len(rows) or stricter is None or tracker.interrupted:
                break
            found.put(rows, self.perturb(dataclasses.replace(work.some(rows), goal=stricter), start[rows]))
        if len(rows):
            adversarial[rows] = otherwise[rows]
            success[rows] = judged(rows, adversarial[rows])
        tracker.spend(places, whole, forwards=goal.batched)
        correct = goal.correct(images, examples.labels, examples.positions)
        tracker.end_batch(int(success.sum()))
        c = np.where(np.isfinite(found.c), found.c, np.float32(0.0))
        return adversarial, success, correct, c, found.origin


def _checked(
    goal: Goal,
    images: Any,
    start: Any,
    labels: Any,
    targets: Any,
    mask: Any,
    positions: npt.NDArray[np.int32] | None,
) -> Examples:
    originals = goal.prepare(images, positions)
    places = positions_of(originals) if positions is None else positions
    goal.check_unchanged(originals, places)
    given = originals
    if start is not None:
        given = check_like(goal.prepare(start, places), originals, "adversarial images")
    labels = check_classes(labels, len(originals), goal.num_classes, "labels")
    targets = check_targets(targets, labels, goal.num_classes)
    asked = goal.asked(labels, targets, places)
    allowed = check_mask(mask, originals.shape)
    allowed = np.broadcast_to(allowed, (len(originals), *allowed.shape[1:]))
    return Examples(originals, given, labels, targets, asked, allowed, places)
