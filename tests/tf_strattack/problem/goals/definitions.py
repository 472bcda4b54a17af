"""A brief attack, what it asks of a goal, and the margin written out in NumPy."""

import numpy as np
import tensorflow as tf

from tests.builders import batch_of, brief

QUICK = brief(20, epsilon=None, refine=False)


def margins_of(logits, classes, targeted, k=1):
    """The margin of each row: the k-th highest of the others against the class."""
    found = []
    for row, chosen in zip(logits, classes, strict=True):
        others = sorted(np.delete(row, chosen), reverse=True)
        found.append((others[k - 1] - row[chosen]) * (1 if targeted else -1))
    return np.array(found)


def asked(goal, images, labels, targets):
    """A batch of what a goal asks, as an attack makes it, and the goal aimed."""
    aimed = goal.aimed(targets is not None)
    checked = aimed.prepare(images)
    classes = aimed.asked(labels, targets, np.arange(len(checked), dtype=np.int32))
    return aimed, batch_of(images)._replace(classes=tf.constant(classes))
