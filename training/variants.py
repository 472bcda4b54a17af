"""How each variant of a network is trained: standard, distilled, adversarial, pgd."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.adversarial_dataset import AdversarialDataset
from training.data import Split
from training.distillation import soft_labels
from training.fit import Recipe, accuracy, fit
from training.pgd import PGD, TEST_RESTARTS, TEST_STEPS, PGDTraining, pgd_accuracy

# Share of the epochs over which the radius of PGD training grows.
WARMUP = 0.3


@dataclasses.dataclass(frozen=True)
class Task:
    """What there is to train.

    Attributes:
      build: makes the untrained network for a Keras dtype policy.
      train, test: the splits.
      recipe: how.
      workspace: directory of the backups, by which a stopped task goes on.
      tensorboard_dir: where TensorBoard's logs go, if anywhere.
    """

    build: Callable[[str], keras.Sequential]
    train: Split
    test: Split
    recipe: Recipe
    workspace: Path
    tensorboard_dir: Path | None

    def fit(self, name: str, train: Split, **options: Any) -> keras.Sequential:
        """Trains a network on `train`; `name` tells its backup and its logs from others of the task."""
        logs = None if self.tensorboard_dir is None else self.tensorboard_dir / name
        return fit(
            self.build, train, self.test, self.recipe,
            backup_dir=self.workspace / name, tensorboard_dir=logs, **options,
        )  # fmt: skip


Outcome = tuple[keras.Sequential, dict[str, Any]]  # the network, and what its card tells besides


def train_standard(task: Task) -> Outcome:
    """Cross-entropy on the training split."""
    return task.fit("network", task.train), {}


def train_distilled(task: Task, temperature: float) -> Outcome:
    """Defensive distillation (Papernot et al. 2016, arXiv 1511.04508).

    A teacher learns the classes, and a student of the same architecture the teacher's soft labels, both with logits
    divided by `temperature`; the student is used at temperature 1.
    """
    finished = task.workspace / "teacher.keras"
    if finished.exists():
        teacher = keras.saving.load_model(finished)
    else:
        teacher = task.fit("teacher", task.train, temperature=temperature)
        partial = finished.with_name("partial.keras")
        teacher.save(partial)
        partial.replace(finished)
    student = task.fit("student", soft_labels(teacher, task.train, temperature), temperature=temperature)
    return student, {"temperature": temperature, "teacher_test_accuracy": accuracy(teacher, task.test)}


def train_adversarial(task: Task, added: AdversarialDataset) -> Outcome:
    """The training split and adversarial examples with their correct labels (Tramèr et al. 2018, arXiv 1705.07204)."""
    both = Split(
        np.concatenate([task.train.images, added.split.images]),
        np.concatenate([task.train.probabilities, added.split.probabilities]),
    )
    facts = {"examples_added": len(added.split), "failed_examples_left_out": added.failed, "examples": added.made_by}
    return task.fit("network", both), facts


def train_pgd(task: Task, attack: PGD) -> Outcome:
    """Training on PGD examples alone (Madry et al. 2018, arXiv 1706.06083), and the accuracy under a longer PGD."""

    def wrap(network: keras.Sequential, steps_per_epoch: int) -> keras.Model:
        warmup = int(WARMUP * task.recipe.epochs * steps_per_epoch)
        return PGDTraining(network, attack, warmup_steps=warmup, seed=task.recipe.seed)

    network = task.fit("network", task.train, wrap=wrap)
    test = PGD(attack.epsilon, TEST_STEPS)
    facts = {
        "pgd": {**dataclasses.asdict(attack), "warmup": WARMUP},
        "pgd_test": {**dataclasses.asdict(test), "restarts": TEST_RESTARTS},
        "pgd_test_accuracy": pgd_accuracy(network, task.test, test, restarts=TEST_RESTARTS, seed=task.recipe.seed),
    }
    return network, facts
