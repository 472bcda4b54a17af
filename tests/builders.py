"""What tests build: small networks, problems without a network, brief attacks, folders of photographs."""

from __future__ import annotations

import csv

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

import tf_strattack as sa
from eval.inputs.datasets import read_dataset
from eval.inputs.examples import Selection
from eval.inputs.targets import parse_targets
from eval.runs.plan import make_plan
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.objective import Objective
from tf_strattack.problem.problem import Problem
from tf_strattack.solvers.base import Originals


def exact_rows(hidden: int = 12, classes: int = 4, side: int = 6, seed: int = 0):
    """A two-layer network whose rows are bit-equal in any batch: every row is its own sum in a fixed order."""
    rng = np.random.default_rng(seed)
    first = tf.constant(rng.normal(size=(hidden, side * side)) / side, tf.float32)
    second = tf.constant(rng.normal(size=(classes, hidden)), tf.float32)

    def network(images):
        flat = tf.reshape(images, [-1, 1, side * side])
        features = tf.nn.relu(tf.reduce_sum(flat * first, axis=2))
        return tf.reduce_sum(features[:, None, :] * second, axis=2)

    return network


def count_traces(rows: int, seed: int):
    """A small classifier, images and labels for it, and the list that grows with every trace of its network.

    Eager calls, by which it is seen whether a network has changed, do not count.
    """
    traced: list[tuple[int, ...]] = []
    network = exact_rows()

    def counted(images):
        if not tf.executing_eagerly():
            traced.append(images.shape)
        return network(images)

    classifier = sa.Classifier.from_callable(counted)
    images = np.random.default_rng(seed).uniform(size=(rows, 6, 6, 1)).astype(np.float32)
    return classifier, images, classifier.predict(images).argmax(axis=1), traced


def linear_network(pixels: int, classes: int = 3):
    """Weights (classes, pixels) of a linear network, its classifier, six images, their labels and farthest classes."""
    rng = np.random.default_rng(0)
    weights, side = rng.normal(size=(classes, pixels)), int(pixels**0.5)
    matrix = tf.constant(weights.T, tf.float32)
    classifier = sa.Classifier.from_callable(lambda x: tf.reshape(x, [-1, pixels]) @ matrix)
    images = rng.uniform(0.2, 0.8, size=(6, side, side, 1)).astype(np.float32)
    logits = classifier.predict(images)
    return weights, classifier, images, logits.argmax(axis=1), logits.argmin(axis=1)


# Heads of networks in half precision, and one in float32 on a body in half precision.
HALF_PRECISION_HEADS = [{"activation": "softmax"}, {"activation": "softmax", "dtype": "float32"}, {}]


def half_precision_network(head):
    """A small network in bfloat16, its images, and the classes that it gives them."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16" if "dtype" in head else "bfloat16")
    try:
        network = keras.Sequential(
            [
                keras.layers.Input((8, 8, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(16, activation="relu"),
                keras.layers.Dense(4, **head),
            ]
        )
    finally:
        keras.config.set_dtype_policy("float32")
    images = np.random.default_rng(0).uniform(size=(8, 8, 8, 1)).astype(np.float32)
    return network, images, np.asarray(tf.cast(network(images), tf.float32)).argmax(axis=1)


class Numbers:
    """A goal with a margin and gradient of one's own, which no candidate reaches unless `reached` says so."""

    drawing, evaluations = False, 1

    def __init__(self, margin_and_gradient, reached=False):
        self._margin_and_gradient = margin_and_gradient
        self._reached = reached

    def margin_and_gradient(self, batch, delta):
        return tuple(tf.convert_to_tensor(part) for part in self._margin_and_gradient(delta))

    def valid_margin(self, batch, delta):
        return tf.fill(tf.shape(delta)[:1], tf.constant(-1e6 if self._reached else 1e6, delta.dtype))


def batch_of(images, epsilon=1.0, kept=1.0):
    """The batch of images in [0, 1]; where `kept` is 0 the box is the point 0."""
    images = tf.constant(images)
    lower, upper = tf.maximum(-images, -epsilon) * kept, tf.minimum(1 - images, epsilon) * kept
    rows = len(images)
    regions, weights = tf.zeros([rows, 1, 1, 0], tf.int32), tf.ones([rows, 1, 1])
    return Batch(images, tf.zeros(rows, tf.int32), lower, upper, tf.range(rows), regions, weights)


def problem_of(images, margin_and_gradient=None, *, epsilon=1.0, kept=1.0, **objective):
    """The problem of these images: `objective` as for `Objective`."""
    return Problem(Numbers(margin_and_gradient), batch_of(images, epsilon, kept), Objective(**objective))


def originals_of(rows, *, margin=1.0, required=0.0, slope=1.0, dtype=tf.float64):
    """What is known at the originals: the same for every example."""
    margins, needed, slopes = (tf.fill([rows], tf.constant(value, dtype)) for value in (margin, required, slope))
    return Originals(margins, needed, 0.0, slopes)


def brief(iterations, *, patience=40, refining=None, **values):
    """`StrAttack` without restarts, with few iterations of its solver and fallback, `refining` of its refinement."""
    few = {"max_iterations": iterations, "patience": patience}
    if refining is not None:
        values["refine"] = sa.Refinement(solver=sa.solvers.ProxLinear.refining(max_iterations=refining))
    parts = {"solver": sa.solvers.ProxLinear(**few), "fallback": sa.solvers.Admm(**few), "restarts": 0}
    return sa.StrAttack(**{**parts, **values})


def write_folder(folder, images, names=True):
    """Photographs in `folder`/images, and labels.csv next to that folder."""
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "class_index", *(["class_name"] if names else [])])
        for index, image in enumerate(images):
            Image.fromarray(image).save(folder / "images" / f"{index}.png")
            writer.writerow([f"{index}.png", index % 3, *([f"class {index % 3}"] if names else [])])
    return folder


def sample_data():
    """The shipped digits, as programs read them."""
    return read_dataset("sample", data_dir=None, split="test", download=False)


def plan_of(data, classifier, *, num_images=20, targets="random:3", shard_size=7, seed=0, configuration="of a run"):
    """A plan of the first images of a data set."""
    chosen = parse_targets(targets)
    selection = Selection(data.records, classifier, num_images, chosen)
    return make_plan(
        selection, classifier.num_classes, chosen, shard_size=shard_size, seed=seed, configuration=configuration
    )
