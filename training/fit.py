"""The training loop of all variants, by Keras `fit`: loss at a temperature, schedule, backup, progress."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from .backup import Backup
from .data import Split, batches_in_order, training_batches
from .interrupt import ctrl_c_between_steps

# Changes the images of a batch; takes them and the number of the batch.
Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The settings of a training that all variants share.

    Attributes:
      epochs: passes over the training split.
      batch_size: images per step.
      learning_rate: initial rate of Adam; decays to 0 along a cosine.
      precision: Keras dtype policy during training; the saved network is float32.
      augment: whether images are shifted and flipped at random.
      seed: the seed of initial weights, order, augmentation and dropout.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    precision: str
    augment: bool
    seed: int


def fit(
    build: Callable[[str], keras.Model],
    train: Split,
    test: Split,
    recipe: Recipe,
    *,
    backup_dir: Path,
    tensorboard_dir: Path | None,
    temperature: float = 1.0,
    wrap: Callable[[keras.Model, int], keras.Model] = lambda network, steps: network,
) -> keras.Model:
    """Trains the network that `build` makes, or resumes from the backup in `backup_dir`.

    All randomness of an epoch depends on the seed and the epoch alone, so a resumed run ends with the same weights.

    Args:
      build: makes the untrained network for a dtype policy.
      train: images and the class probabilities to learn.
      test: images for the `val_accuracy` that is reported after some epochs; it decides nothing.
      recipe: the settings.
      backup_dir: directory of the backup, which is kept; the backup of a finished training leaves nothing to do.
      tensorboard_dir: directory of TensorBoard's logs; None for no logs.
      temperature: divides the logits before the softmax of the loss.
      wrap: makes the model to fit from the network and the number of steps per epoch.

    Returns:
      The trained network in float32, not compiled.
    """
    keras.utils.set_random_seed(recipe.seed)
    network = build(recipe.precision)
    epoch = tf.Variable(0, trainable=False)
    batches = training_batches(
        train, epoch=epoch, batch_size=recipe.batch_size, seed=recipe.seed, augment=recipe.augment
    )
    steps = int(batches.cardinality())
    model = wrap(network, steps)
    _compile(model, recipe.learning_rate, recipe.epochs * steps, temperature)
    backup = Backup(backup_dir)
    callbacks = [backup, EpochStart(network, epoch, recipe.seed)]
    if tensorboard_dir is not None:
        callbacks.append(keras.callbacks.TensorBoard(str(tensorboard_dir)))
    with ctrl_c_between_steps() as stop:
        model.fit(
            batches,
            validation_data=batches_in_order(test),
            validation_freq=max(1, recipe.epochs // 10),
            epochs=recipe.epochs,
            initial_epoch=backup.restore(model, steps),
            callbacks=[*callbacks, stop],
            shuffle=False,
        )
    trained = build("float32")  # not compiled: the optimizer's state would triple the size of the file
    trained.set_weights(network.get_weights())
    return trained


def _compile(model: keras.Model, learning_rate: float, steps: int, temperature: float) -> None:
    def loss(probabilities: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return keras.losses.categorical_crossentropy(probabilities, logits / temperature, from_logits=True)

    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        loss=loss,
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        jit_compile=False,  # XLA is slower than the plain graph for these networks on CPU
    )


def accuracy(network: keras.Model, test: Split, change: Change | None = None) -> float:
    """The share of `test` that the network classifies correctly.

    Args:
      network: of images (N, H, W, C).
      test: images and their classes.
      change: changes the images before the network sees them.
    """

    def predicted(images: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
        shown = images if change is None else change(images, batch)
        return tf.argmax(network(shown, training=False), axis=1)

    compiled = tf.function(predicted)
    hits = [
        int(tf.reduce_sum(tf.cast(compiled(images, tf.constant(batch)) == tf.argmax(probabilities, axis=1), tf.int32)))
        for batch, (images, probabilities) in enumerate(batches_in_order(test))
    ]
    return sum(hits) / len(test)


class EpochStart(keras.callbacks.Callback):
    """Makes the randomness of an epoch (order, augmentation, dropout) depend on the seed and the epoch alone."""

    def __init__(self, network: keras.Model, epoch: tf.Variable, seed: int) -> None:
        """Prepares to set `epoch`, which the pipeline reads, and the seeds of the layers of `network`."""
        super().__init__()
        self._epoch, self._seed = epoch, seed
        generators = [getattr(layer, "seed_generator", None) for layer in network.layers]
        self._generators = [generator for generator in generators if generator is not None]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Sets the variable and the seeds."""
        self._epoch.assign(epoch)
        for number, generator in enumerate(self._generators):
            generator.state.assign([self._seed + number, epoch << 20])
