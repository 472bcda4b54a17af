"""A Keras callback that measures, at the end of chosen epochs, how hard the network in training is to attack."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_strattack import metrics
from tf_strattack.attacks.attack import Attack
from tf_strattack.attacks.strattack import StrAttack
from tf_strattack.checks import check_bounds, check_classes, check_count, check_targets
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.outputs import select_output
from tf_strattack.errors import InputError
from tf_strattack.image_checks import check_images
from tf_strattack.runtime import devices
from tf_strattack.runtime.rows import positions_of

_DISTANCES = {"l0": metrics.l0, "l1": metrics.l1, "l2": metrics.l2, "linf": metrics.linf}
_MEASURES = ("accuracy", "success_rate", *_DISTANCES)


class RobustnessCallback(keras.callbacks.Callback):
    """Attacks a small fixed set of images at the end of chosen epochs, and logs the outcome like any metric.

    To the logs of these epochs it adds, and so to `History`, the progress bar, TensorBoard, `ModelCheckpoint` and the
    like (of the callbacks in a list, to those that stand behind it):

    - `attack_accuracy`: the share of the images that the network classifies correctly; the others are not attacked.
    - `attack_success_rate`: of these, the share for which the attack succeeds, by a fresh forward pass.
    - `attack_l0`, `attack_l1`, `attack_l2`, `attack_linf`: the mean distances of the successes, in [0, 1] scale.

    A mean over nothing is NaN, and so is everything, with a warning, of a network that cannot be attacked as it is,
    without a gradient yet or with NaN in its weights. The attack is compiled once, draws no random numbers and leaves
    the training as it is.
    As with `validation_freq` of `fit`, `CSVLogger` keeps only what is logged at the first epoch.

    Args:
      images: (N, H, W, C) numbers within `bounds`; the time is that of attacking N images.
      labels: (N,) integers, the true classes.
      targets: (N,) integers, the classes to reach, or one integer for all; None for an untargeted attack.
      attack: any attack of this package; None for `StrAttack()`.
      bounds: (lower, upper) of valid pixels, in the scale of `images`.
      preprocessing: what turns images into the network's input, differentiable, if they are not the same.
      freq: every how many epochs, or the epochs themselves, the first being 1, as `validation_freq`.
      name: what the logged names begin with, so that two of these callbacks can be told apart.
      batch_size: examples at a time, as of the attack.
      inputs, output, data_format: what the network's other inputs get, which of its outputs has the scores, and where
        its channels lie: as for `Classifier.from_keras`.

    Raises:
      InputError: a value of the wrong kind, shape or range, here or at the start of `fit`.
      KeyboardInterrupt: Ctrl-C during the attack.

    Example:
      >>> import keras, tf_strattack as sa
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> net = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
      >>> net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
      >>> robustness = sa.RobustnessCallback(images[:20], labels[:20], attack=sa.FGM(), freq=2)
      >>> history = net.fit(images, labels, epochs=4, callbacks=[robustness], verbose=0).history
      >>> len(history["loss"]), len(history["attack_success_rate"]), len(history["attack_l2"])
      (4, 2, 2)
    """

    def __init__(
        self,
        images: Any,
        labels: Any,
        targets: Any = None,
        *,
        attack: Attack | None = None,
        bounds: Sequence[float] = (0.0, 1.0),
        preprocessing: Callable[[tf.Tensor], tf.Tensor] | None = None,
        freq: int | Container[int] = 1,
        name: str = "attack",
        batch_size: int | str | None = None,
        inputs: Mapping[str, Any] | None = None,
        output: str | int | None = None,
        data_format: str | None = None,
    ) -> None:
        """Checks what does not depend on the network."""
        super().__init__()
        self._bounds = check_bounds(bounds)
        self._images = check_images(images, self._bounds, None)
        if not len(self._images):
            raise InputError("expected at least one image to attack, received none")
        self._labels = check_classes(labels, len(self._images), None, "labels")
        self._targets = check_targets(targets, self._labels, None)
        if attack is not None and not isinstance(attack, Attack):
            raise InputError(f"expected an attack of tf_strattack, received {attack!r}")
        if isinstance(freq, str) or not isinstance(freq, Container):
            check_count("freq", freq)
        if batch_size not in (None, "auto"):
            check_count("batch_size", batch_size)
        self.attack: Attack = attack or StrAttack()
        self.freq = freq
        self.name = name
        self._options: dict[str, Any] = {
            "preprocessing": preprocessing,
            "inputs": inputs,
            "output": output,
            "data_format": data_format,
        }
        self._batch_size = batch_size
        self._network: Any = None
        self._classifier: Classifier | None = None  # with its compiled programs, as long as the network is the same

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Takes the network of this `fit`, and refuses what does not fit its shapes before the first epoch.

        Args:
          logs: of Keras; not read.

        Raises:
          InputError: images, labels or targets that are none of the network's.
        """
        if self.model is not self._network:
            self._network = self.model
            self._classifier = Classifier.from_keras(self.model, bounds=self._bounds, **self._options)
        _check_devices(self.model)
        # No more than shapes: an untrained network may have no gradient yet.
        check_images(self._images, self._bounds, self._classifier.image_shape if self._classifier else None)
        # What a functional model returns, in its structure; a Sequential one has a list. Else nothing is known yet.
        outputs = getattr(self.model, "output", None)
        outputs = getattr(self.model, "outputs", None) if outputs is None else outputs
        if outputs is not None:
            names = getattr(self.model, "output_names", None) or ()
            classes = max(2, select_output(outputs, self._options["output"], names).shape[-1])
            check_classes(self._labels, len(self._images), classes, "labels")
            if self._targets is not None:
                check_classes(self._targets, len(self._images), classes, "targets")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures after `epoch`, counted from 0, if it is its turn, and adds to `logs`, of Keras."""
        chosen = epoch + 1 in self.freq if isinstance(self.freq, Container) else (epoch + 1) % self.freq == 0
        if chosen and logs is not None:
            try:
                logs.update(self.measure())
            except InputError as error:  # the arguments have been checked: it is the network as it is now
                warnings.warn(f"robustness after epoch {epoch + 1} is not known: {error}", UserWarning, stacklevel=2)
                logs.update(self._named(dict.fromkeys(_MEASURES, np.nan)))

    def measure(self) -> dict[str, float]:
        """What is logged, by name, of the network as it is now.

        Raises:
          InputError: no network yet, before the first `fit`; one that cannot be attacked as it is.
        """
        classifier = self._classifier
        if classifier is None:
            raise InputError("expected a callback that fit has given a network, received none: pass it to fit first")
        logits = classifier.predict(self._images)
        if not np.isfinite(logits).all():
            raise InputError("expected finite logits, received NaN or infinity from the network")
        correct = classifier.classify(self._images) == self._labels
        measured = dict.fromkeys(_MEASURES, np.nan) | {"accuracy": float(correct.mean())}
        if correct.any():
            result = self.attack.run(
                classifier,
                self._images[correct],
                None,
                self._labels[correct],
                None if self._targets is None else self._targets[correct],
                None,
                self._batch_size,
                None,
                positions_of(self._images)[correct],
            )
            if result.interrupted:
                raise KeyboardInterrupt
            measured["success_rate"] = float(result.success.mean())
            if result.success.any():
                delta = result[result.success].delta
                measured |= {name: float(distance(delta).mean()) for name, distance in _DISTANCES.items()}
        return self._named(measured)

    def _named(self, measured: dict[str, float]) -> dict[str, float]:
        return {f"{self.name}_{name}": value for name, value in measured.items()}


def _check_devices(model: keras.Model) -> None:
    """Refuses a network that is on some of the devices: attacks use all."""
    used = getattr(getattr(model, "distribute_strategy", None), "num_replicas_in_sync", 1)
    if used not in (1, devices.replicas()) or (used == 1 and _mirrored(model)):
        raise InputError(
            f"expected a network on one device or on all {devices.replicas()}, received one on {used}: attacks use "
            "all; hide the others by tf.config.set_visible_devices"
        )


def _mirrored(model: keras.Model) -> bool:
    """Whether the weights belong to a strategy of their own, on a machine of several devices."""
    if devices.replicas() == 1 or not model.variables:
        return False
    return isinstance(model.variables[0].value, tf.distribute.DistributedValues)
