"""How each variant of a network is trained: standard, distilled, adversarial, pgd, noise, ensemble."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_strattack.transformations import Noise

from .changed_images import NoiseTraining, transformed
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

    def once(self, name: str, **options: Any) -> keras.Model:
        """Trains a network of several, as `fit`, or reads it if it was finished before an interruption."""
        finished = self.workspace / f"{name}.keras"
        if finished.exists():
            return keras.saving.load_model(finished)
        network = self.fit(name, **options)
        save(network, finished)
        return network

    def with_seed(self, more: int) -> Task:
        """The same task with a seed that is `more` higher."""
        return dataclasses.replace(self, recipe=dataclasses.replace(self.recipe, seed=self.recipe.seed + more))


def save(network: keras.Model, path: Path) -> None:
    """Writes a network so that the file is whole if it exists."""
    partial = path.with_name("partial.keras")
    network.save(partial)
    partial.replace(path)


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
    teacher = task.once("teacher", temperature=temperature)
    softened = dataclasses.replace(task.with_seed(1), train=soft_labels(teacher, task.train, temperature))
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


def train_noise(task: Task, deviation: float) -> Outcome:
    """Trains on images with normal noise (Cohen et al. 2019, arXiv 1902.02918) and measures accuracy under it."""

    def wrap(network: keras.Model, steps_per_epoch: int) -> keras.Model:
        return NoiseTraining(network, deviation, seed=task.recipe.seed)

    def noisy(images: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
        return transformed(images, Noise(deviation), tf.stack([task.recipe.seed, batch]))

    network = task.fit("network", wrap=wrap)
    return network, {"noise_test_accuracy": accuracy(network, task.test, noisy)}


def train_ensemble(task: Task, members: int) -> Outcome:
    """Trains networks that differ in their seeds alone, and joins them (Strauss et al. 2017, arXiv 1709.03423).

    The seeds are that of the task and the next ones. The ensemble is one network, whose logits are the mean of theirs.
    """
    networks = [task.with_seed(number).once(f"member_{number}") for number in range(members)]
    accuracies = [accuracy(network, task.test) for network in networks]
    return mean_of(networks), {"members_test_accuracies": accuracies}


def mean_of(networks: Sequence[keras.Model]) -> keras.Model:
    """One network of images (N, H, W, C) whose logits (N, K) are the mean of those of `networks`."""
    image = keras.layers.Input(networks[0].input_shape[1:], name="image")
    # Layers of a model need names of their own.
    parts = [
        keras.Model(network.inputs[0], network.outputs[0], name=f"member_{number}")
        for number, network in enumerate(networks)
    ]
    logits = keras.layers.Average(name="logits")([part(image) for part in parts])
    return keras.Model(image, logits, name=f"{networks[0].name}_ensemble")
