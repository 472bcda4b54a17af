"""A small estimator of ART, and an attack of few iterations."""

import numpy as np
from art.estimators.classification import TensorFlowV2Classifier

import tf_strattack as sa
from tests.builders import exact_rows

NATIVE = {
    "solver": sa.solvers.ProxLinear(max_iterations=60),
    "fallback": sa.solvers.Admm(max_iterations=60),
    "refine": sa.Refinement(solver=sa.solvers.ProxLinear.refining(max_iterations=20)),
}
QUICK = {**NATIVE, "verbose": False}


def small_estimator(**options):
    """A classifier of a network that runs in no time, five images and what it sees in them."""
    network = exact_rows()
    settings = {"nb_classes": 4, "input_shape": (6, 6, 1), "clip_values": (0.0, 1.0)} | options
    estimator = TensorFlowV2Classifier(lambda x, training: network(x), **settings)
    images = np.random.default_rng(3).uniform(size=(5, 6, 6, 1)).astype(np.float32)
    return estimator, images, network(images).numpy().argmax(axis=1)
