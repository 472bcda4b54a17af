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

_MEASURES = ("accuracy", "success_rate", *metrics.DISTANCES)


class RobustnessCallback(keras.callbacks.Callback):
    """Attacks a small fixed set of images at the end of chosen epochs, and logs the outcome like other metrics.

    It adds the following to the logs of these epochs, and so to `History`, the progress bar, TensorBoard,
    `ModelCheckpoint` and so on (callbacks must come after it in the list):

    - `attack_accuracy`: the share of the images that the network classifies correctly; the others are not attacked.
    - `attack_success_rate`: the share of the attacked images on which the attack succeeds, by a fresh forward pass.
    - `attack_l0`, `attack_l1`, `attack_l2`, `attack_linf`: the mean distances of the successes, in [0, 1] scale.

    A mean over nothing is NaN. If the network cannot be attacked, as it has no gradient yet or NaN in its weights, all
    values are NaN and the callback warns. The attack is compiled once, draws no random numbers and does not affect the
    training. As with `validation_freq` of `fit`, `CSVLogger` keeps only what is logged at the first epoch.

    Args:
      images: (N, H, W, C) numbers within `bounds`; the callback takes as long as an attack on N images.
      labels: (N,) integers, the true classes.
      targets: (N,) integers, the classes to reach, or one integer for all; None for an untargeted attack.
      attack: any attack of this package; None for `StrAttack()`.
      bounds: (lower, upper) of valid pixels, in the scale of `images`.
      preprocessing: the differentiable function from images to the network's input, if they are not the same.
      freq: the number of epochs between two attacks, or the epochs themselves, from 1 on, like `validation_freq`.
      name: the prefix of the logged names, which distinguishes several of these callbacks.
      batch_size: examples at a time, as in the attack.
      inputs, output, data_format: the values of the network's other inputs, the output with the scores, and the place
        of the channels, as in `Classifier.from_keras`.

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
        """Checks the arguments that do not depend on the network."""
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
        self._classifier: Classifier | None = None  # with its compiled programs, for the present network

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Takes the network of this `fit`, and checks the arguments against its shapes before the first epoch.

        Args:
          logs: the logs of Keras, not used.

        Raises:
          InputError: images, labels or targets that do not fit the network.
        """
        if self.model is not self._network:
            self._network = self.model
            self._classifier = Classifier.from_keras(self.model, bounds=self._bounds, **self._options)
        _check_devices(self.model)
        # Shapes only: an untrained network may have no gradient yet.
        check_images(self._images, self._bounds, self._classifier.image_shape if self._classifier else None)
        # A functional model has its outputs in their structure, a Sequential one as a list. For others nothing is known
        # yet.
        outputs = getattr(self.model, "output", None)
        outputs = getattr(self.model, "outputs", None) if outputs is None else outputs
        if outputs is not None:
            names = getattr(self.model, "output_names", None) or ()
            classes = max(2, select_output(outputs, self._options["output"], names).shape[-1])
            check_classes(self._labels, len(self._images), classes, "labels")
            if self._targets is not None:
                check_classes(self._targets, len(self._images), classes, "targets")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures after `epoch`, counted from 0, if it is one of `freq`, and adds to the `logs` of Keras."""
        chosen = epoch + 1 in self.freq if isinstance(self.freq, Container) else (epoch + 1) % self.freq == 0
        if chosen and logs is not None:
            try:
                logs.update(self.measure())
            except InputError as error:  # the arguments have been checked, so it is the present network
                warnings.warn(f"robustness after epoch {epoch + 1} is not known: {error}", UserWarning, stacklevel=2)
                logs.update(self._named(dict.fromkeys(_MEASURES, np.nan)))

    def measure(self) -> dict[str, float]:
        """The values to log, by name, for the present network.

        Raises:
          InputError: no network yet, before the first `fit`; or one that cannot be attacked.
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
                measured |= {name: float(distance(delta).mean()) for name, distance in metrics.DISTANCES.items()}
        return self._named(measured)

    def _named(self, measured: dict[str, float]) -> dict[str, float]:
        return {f"{self.name}_{name}": value for name, value in measured.items()}


def _check_devices(model: keras.Model) -> None:
    """Refuses a network that is on some of the devices only: attacks use all."""
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
