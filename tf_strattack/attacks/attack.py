"""The call that all attacks share, and attacks that are their own solver."""

from __future__ import annotations

import dataclasses
from typing import Any

from tf_strattack.attacks.method import Method
from tf_strattack.problem.objective import Objective
from tf_strattack.problem.work import Work
from tf_strattack.result import AttackResult
from tf_strattack.runtime.progress import Callback
from tf_strattack.solvers.base import Iterate, Parameters, Solver
from tf_strattack.solvers.best import Solution
from tf_strattack.solvers.minimise import minimise
from tf_strattack.typing import Images


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attack(Method):
    """An attack: a frozen dataclass of hyper-parameters, called with a classifier, images and labels.

    Attributes:
      epsilon: the largest change of a pixel, in [0, 1] scale, or None for no limit but the bounds.
      confidence: how far, in logits, the target must lie above all other classes (untargeted: another
        class above the label).

    Raises:
      InputError: a value out of range.
    """

    def __call__(
        self,
        classifier: Any,
        images: Any,
        labels: Any,
        targets: Any = None,
        *,
        mask: Any = None,
        batch_size: int | str | None = None,
        callback: Callback | None = None,
    ) -> AttackResult:
        """Attacks each image on its own: no result depends on the rest of the batch.

        Args:
          classifier: a `Classifier`, a Keras model of images in [0, 1], or a goal such as `Misclassify`.
          images: (N, H, W, C) numbers within `classifier.bounds`.
          labels: (N,) integers, the true classes.
          targets: (N,) integers, the classes to reach, or one number for all; None for an untargeted attack.
          mask: booleans of shape (H, W) or (N, H, W), with or without channels: False where nothing may change.
          batch_size: examples at a time; None chooses by the size of an image, "auto" also by what fits in memory.
          callback: called with a `Progress` every ten iterations, or about once per second if ten iterations take
            longer.

        Returns:
          The result of the N examples. After Ctrl-C it holds the best images so far, with `interrupted` set. If no
          adversarial image was found, the example has its original image and success False.

        Raises:
          InputError: a value of the wrong kind, shape or range; or too little memory for `batch_size` (the message
            gives one that fits).

        Example:
          >>> import tf_strattack as sa
          >>> classifier = sa.shipped.load_classifier()
          >>> images, labels, _ = sa.shipped.load_sample()
          >>> result = sa.FGM()(classifier, images[:2], labels[:2], batch_size=16)
          >>> result.adversarial.shape, result.adversarial.dtype.name, result.success.shape
          ((2, 28, 28, 1), 'float32', (2,))
        """
        return self.run(classifier, images, None, labels, targets, mask, batch_size, callback)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SolverAttack(Attack, Solver[Iterate, Parameters]):
    """An attack that is its own solver: it defines the first iterate and the step, and its loop is `minimise`.

    Its hyper-parameters are those of the solver; see `Solver` for what a subclass defines.
    """

    @property
    def objective(self) -> Objective:
        """The objective next to the margin: the squared l2 norm, unless a subclass says otherwise."""
        return Objective()

    def iterations(self) -> int:
        """The most iterations of a batch."""
        return self.total_iterations

    def perturb(self, work: Work, given: Images) -> Solution:
        """Attacks a batch, starting at the originals; `given` (N, H, W, C) is 0."""
        return minimise(self, self.objective, work, self.originals(work, work.margins()))
