"""How each variant of a network is trained: standard, distilled, adversarial, pgd."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .data import Split
from .distillation import soft_labels
from .fit import Recipe, accuracy, fit
from .pgd import PGD, TEST_RESTARTS, TEST_STEPS, PGDTraining, pgd_accuracy

# The share of epochs in which the radius of PGD training grows.
WARMUP = 0.3


@dataclasses.dataclass(frozen=True)
class Task:
    """A network to train.

    Attributes:
      build: makes the untrained network for a Keras dtype policy.
      train, test: the splits.
      recipe: the settings.
      workspace: directory of the backups, from which an interrupted task is resumed.
      tensorboard_dir: directory of TensorBoard's logs; None for no logs.
    """

    build: Callable[[str], keras.Model]
    train: Split
    test: Split
    recipe: Recipe
    workspace: Path
    tensorboard_dir: Path | None

    def fit(self, name: str, **options: Any) -> keras.Model:
        """Trains a network; `name` distinguishes its backup and logs from others of the task."""
        logs = None if self.tensorboard_dir is None else self.tensorboard_dir / name
        return fit(
            self.build,
            self.train,
            self.test,
            self.recipe,
            backup_dir=self.workspace / name,
            tensorboard_dir=logs,
            **options,
        )


# The network, and further facts for its card.
Outcome = tuple[keras.Model, dict[str, Any]]


def train_standard(task: Task) -> Outcome:
    """Trains by cross-entropy on the training split."""
    return task.fit("network"), {}


def train_distilled(task: Task, temperature: float) -> Outcome:
    """Defensive distillation (Papernot et al. 2016, arXiv 1511.04508).

    A teacher learns the classes, and a student of the same architecture learns the teacher's soft labels, both with
    logits divided by `temperature`; the student is used at temperature 1. The soft labels belong to the original
    images, even if the student sees them shifted and flipped. The student's seed is the teacher's plus 1.
    """
    finished = task.workspace / "teacher.keras"
    if finished.exists():
        teacher = keras.saving.load_model(finished)
    else:
        teacher = task.fit("teacher", temperature=temperature)
        partial = finished.with_name("partial.keras")
        teacher.save(partial)
        partial.replace(finished)
    softened = dataclasses.replace(
        task,
        train=soft_labels(teacher, task.train, temperature),
        recipe=dataclasses.replace(task.recipe, seed=task.recipe.seed + 1),
    )
    student = softened.fit("student", temperature=temperature)
    return student, {"teacher_test_accuracy": accuracy(teacher, task.test)}


def train_adversarial(task: Task, added: Split) -> Outcome:
    """Trains on the training split and on adversarial examples with correct labels (Tramèr et al. 2018, 1705.07204)."""
    both = Split(
        np.concatenate([task.train.images, added.images]),
        np.concatenate([task.train.probabilities, added.probabilities]),
    )
    return train_standard(dataclasses.replace(task, train=both))


def train_pgd(task: Task, attack: PGD) -> Outcome:
    """Trains on PGD examples alone (Madry et al. 2018, arXiv 1706.06083) and measures accuracy under a longer PGD."""

    def wrap(network: keras.Model, steps_per_epoch: int) -> keras.Model:
        warmup = int(WARMUP * task.recipe.epochs * steps_per_epoch)
        return PGDTraining(network, attack, warmup_steps=warmup, seed=task.recipe.seed)

    network = task.fit("network", wrap=wrap)
    test = PGD(attack.epsilon, TEST_STEPS)
    facts = {
        "pgd_test": {**dataclasses.asdict(test), "restarts": TEST_RESTARTS},
        "pgd_test_accuracy": pgd_accuracy(network, task.test, test, restarts=TEST_RESTARTS, seed=task.recipe.seed),
    }
    return network, facts
