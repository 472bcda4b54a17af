"""Reports of made-up examples, whose every value a test knows."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import tensorflow as tf

import tf_strattack as sa
from eval.report.building import with_examples
from eval.report.examples import Batch
from eval.report.page import Figure, Page, write_page
from eval.tables.table import Cell, Table, plain
from tf_strattack import SlidingMask

GROUP_SIZE = 2
MASK = SlidingMask(GROUP_SIZE)
LABELS, TARGETS = 4, 3


def batch(rows, shape, seed):
    """Examples of random images, each with a few changed groups; every fifth has failed and changes nothing."""
    # Whatever the seed: attacks are on the same images.
    originals = (np.random.default_rng(0).integers(0, 256, size=(rows, *shape)) / 255).astype(np.float32)
    random = np.random.default_rng([1, seed])
    changed = random.random((rows, -(-shape[0] // GROUP_SIZE), -(-shape[1] // GROUP_SIZE), 1)) < 0.2
    mask = changed.repeat(GROUP_SIZE, axis=1).repeat(GROUP_SIZE, axis=2)[:, : shape[0], : shape[1]]
    delta = np.clip(originals + random.normal(scale=0.3, size=originals.shape), 0, 1) - originals
    success = np.arange(rows) % 5 != 4
    delta = (delta * mask * success[:, None, None, None]).astype(np.float32)
    labels = np.arange(rows) % LABELS
    targets = 10 + np.arange(rows) % TARGETS
    return Batch(
        originals, delta, labels, targets, success, np.array([f"image_{row // 2}" for row in range(rows)]), MASK
    )


def shared_originals(examples):
    """The same examples, with one original for each image id."""
    first = np.array([np.flatnonzero(examples.image_ids == name)[0] for name in examples.image_ids])
    originals = examples.originals[first]
    return examples._replace(originals=originals, delta=np.clip(originals + examples.delta, 0, 1) - originals)


@dataclasses.dataclass
class Made:
    """A report: its file, and the examples of each attack."""

    path: object
    runs: dict


def brightness_network(shape):
    """A network of two classes: 1 if the mean pixel is above a half, with the logit by how much."""
    return sa.Classifier.from_callable(
        lambda images: tf.reduce_mean(tf.reshape(images, (-1, int(np.prod(shape)))), axis=1, keepdims=True) - 0.5,
        bounds=(0, 1),
        outputs="logits",
    )


def make_report(path, rows, shape, attacks=("one", "two"), network=None):
    """Writes a report with a table, the matrix, charts and a gallery of `rows` examples of each attack.

    A `network` is asked about the examples.
    """
    runs = {name: shared_originals(batch(rows, shape, seed)) for seed, name in enumerate(attacks)}
    shown = {"b": ("10.5 %", 10.5), "a": ("9", 9), "c": ("-", None), "d": ("-3e1", -30.0)}
    table = Table("Numbers", ["name", "value"], [[plain(name), Cell(*cell)] for name, cell in shown.items()])
    page = Page(
        "A report of </script> examples",
        "python -m eval.attack --flag='<b>'",
        {"x": {"y": 1}, "versions": {"tf_strattack": "1.2.3"}, "finished_at": "2026-01-31T12:00:00Z"},
        figures=[Figure("success", "80 %", "4 of 5")],
        parameters={"one": {"tau": 0.5}},
        tables=[table],
    )
    totals = dict.fromkeys(runs, rows)
    names = {0: "zero", 1: "</script><b>one"}
    if network is not None:
        runs = {n: b._replace(native=(b.originals, b.originals + b.delta)) for n, b in runs.items()}
    networks = {} if network is None else dict.fromkeys(runs, network)
    page = with_examples(page, {n: [b] for n, b in runs.items()}, totals, names, networks)
    write_page(path, page)
    return Made(path, runs)


def without_spans(report):
    """The text of a page in which flags of a command stand in spans of their own."""
    return re.sub(r"</?span\b[^>]*>", "", report)
