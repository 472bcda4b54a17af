"""Batches as MAITE passes them, and a model of its own."""

from typing import ClassVar

import numpy as np

import tf_strattack as sa

QUICK = {"solver": sa.solvers.ProxLinear(max_iterations=20), "refine": False, "restarts": 0, "fallback": None}


def batch_of(images, labels, ids=None, classes=4):
    """A batch as MAITE passes it."""
    names = range(len(images)) if ids is None else ids
    return list(images.transpose(0, 3, 1, 2)), list(np.eye(classes)[labels]), [{"id": name} for name in names]


def last(images):
    """Images of MAITE as (N, H, W, C)."""
    return np.stack(images).transpose(0, 2, 3, 1)


class Foreign:
    """A model of MAITE that is not ours."""

    metadata: ClassVar = {"id": "foreign"}

    def __call__(self, inputs):
        return inputs
