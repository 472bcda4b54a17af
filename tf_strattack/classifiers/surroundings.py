"""Where attacks can be called: in Python, with eager execution, and outside of graphs and strategies."""

from __future__ import annotations

import tensorflow as tf

from tf_strattack.errors import InputError
from tf_strattack.runtime import devices


def check_surroundings() -> None:
    """Refuses a call from where arrays have no values yet.

    Raises:
      InputError: eager execution is off, or the call is within a graph or, on a machine with several devices, within
        the scope of a strategy.
    """
    if not tf.compat.v1.executing_eagerly_outside_functions():
        raise InputError(
            "expected eager execution, received a program that has switched it off: leave "
            "tf.compat.v1.disable_eager_execution() and disable_v2_behavior() out of it"
        )
    if not tf.executing_eagerly():
        raise InputError(
            "expected a call in Python, received one within a graph (tf.function, Dataset.map): attacks compile their "
            "own loops; loop over a data set: for images, labels in dataset: attack(classifier, images, labels)"
        )
    own = devices.strategy()
    if own is not None and tf.distribute.has_strategy() and tf.distribute.get_strategy() is not own:
        raise InputError(
            "expected a call outside of strategy.scope(), received one inside: attacks use all devices by themselves; "
            "make the model in the scope, and attack it after the with statement"
        )
