"""Our C&W and EAD against Foolbox's, with the same images, search steps and iterations (extra `foolbox`)."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from tf_strattack import Attack, CarliniWagnerL2, ElasticNet, InputError
from tf_strattack.programs.interrupts import complete
from tf_strattack.typing import Classes, Images

from .means import means
from .nets import Net

_MEASURES = ("asr", "l0", "l1", "l2", "linf")
COLUMNS = ("net", "attack", "whose", "num_examples", *_MEASURES, "seconds_per_example", "time_ratio")
SEARCH_STEPS = 9
# Foolbox shrinks by `regularization` itself, where we shrink by beta times the step size.
_STEP, _REGULARIZATION = 1e-2, 1e-2
_GROUP_SIZE = 2


def measure_foolbox(nets: Sequence[Net], examples: int, iterations: int) -> list[dict[str, Any]]:
    """Two rows for each net and attack: ours, with the ratio of the times, and Foolbox's.

    Our attack is run before and after theirs. Its time is the mean of both runs, the first of which includes tracing.

    Raises:
      InputError: Foolbox is not installed.
    """
    foolbox = _import()
    measured = []
    for net in tqdm(nets, desc="foolbox", leave=False):
        for name, attack, peer in _attacks(foolbox, iterations):
            measured += _compare(net, name, attack, peer, foolbox, min(examples, len(net.images)))
    return measured


def _import() -> Any:
    try:
        return importlib.import_module("foolbox")
    except ImportError:
        raise InputError(
            "expected Foolbox for the section foolbox, received none: pip install foolbox, or the extra foolbox"
        ) from None


def _attacks(foolbox: Any, iterations: int) -> list[tuple[str, Attack, Any]]:
    ours: dict[str, Any] = {"search_steps": SEARCH_STEPS, "max_iterations": iterations}
    theirs = {"binary_search_steps": SEARCH_STEPS, "steps": iterations}
    elastic_net = foolbox.attacks.EADAttack(**theirs, initial_stepsize=_STEP, regularization=_REGULARIZATION)
    return [
        ("cw_l2", CarliniWagnerL2(**ours), foolbox.attacks.L2CarliniWagnerAttack(**theirs)),
        ("ead_en", ElasticNet(**ours, learning_rate=_STEP, beta=_REGULARIZATION / _STEP), elastic_net),
    ]


def _compare(net: Net, name: str, attack: Attack, peer: Any, foolbox: Any, examples: int) -> list[dict[str, Any]]:
    images, labels, targets = net.examples(examples)

    def run_ours() -> Images:
        return complete(attack(net.classifier, images, labels, targets)).adversarial

    first, _ = _timed(run_ours)
    network = keras.saving.load_model(net.path, compile=False)
    model = foolbox.TensorFlowModel(network, bounds=(0, 1), preprocessing={"mean": net.shift})
    criterion = foolbox.criteria.TargetedMisclassification(tf.constant(targets, tf.int64))
    peer_seconds, peer_images = _timed(lambda: np.asarray(peer.run(model, tf.constant(images), criterion).numpy()))
    second, our_images = _timed(run_ours)
    seconds = (first + second) / 2
    shared = {"net": net.name, "attack": name, "num_examples": examples}
    return [
        {
            **shared,
            "whose": whose,
            **_judged(net, found, images, targets),
            "seconds_per_example": taken / examples,
            "time_ratio": ratio,
        }
        for whose, found, taken, ratio in (
            ("ours", our_images, seconds, seconds / peer_seconds),
            ("foolbox", peer_images, peer_seconds, None),
        )
    ]


def _judged(net: Net, found: Images, images: Images, targets: Classes) -> dict[str, Any]:
    """Success after clipping to valid pixels, by the same network, and means over successful examples."""
    valid = np.clip(found, 0.0, 1.0).astype(np.float32)
    success: npt.NDArray[np.bool_] = net.classifier.classify(valid) == targets
    values = means(valid - images, success, _GROUP_SIZE)
    return {measure: values[measure] for measure in _MEASURES}


def _timed(function: Callable[[], Images]) -> tuple[float, Images]:
    started = time.monotonic()
    found = function()
    return time.monotonic() - started, found
