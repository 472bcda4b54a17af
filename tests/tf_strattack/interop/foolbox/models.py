"""A small model of Foolbox, and an attack of few iterations."""

import foolbox
import numpy as np
import tensorflow as tf

import tf_strattack as sa
from tests.builders import exact_rows

QUICK = {
    "solver": sa.solvers.ProxLinear(max_iterations=60),
    "fallback": sa.solvers.Admm(max_iterations=60),
    "refine": sa.Refinement(solver=sa.solvers.ProxLinear.refining(max_iterations=20)),
}


def small_model(bounds=(0, 1)):
    """A network that runs in no time, its model, five images and what it sees in them."""
    network = exact_rows()
    fmodel = foolbox.TensorFlowModel(network, bounds=bounds)
    images = tf.constant(np.random.default_rng(3).uniform(*bounds, size=(5, 6, 6, 1)), tf.float32)
    return fmodel, images, tf.argmax(fmodel(images), axis=1)
