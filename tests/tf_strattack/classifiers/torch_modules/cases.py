"""The images and attacks of the tests of PyTorch modules."""

import keras
import numpy as np
from keras import layers

import tf_strattack as sa
from tests.builders import brief

IMAGES = np.random.default_rng(0).uniform(size=(12, 9, 9, 2)).astype(np.float32)


def small():
    """A convolution, whose maps are not square, and two layers; smooth, so that rounding does not grow in an attack."""
    keras.utils.set_random_seed(1)
    parts = [
        layers.Conv2D(6, (3, 2), strides=2, activation="tanh"),
        layers.Flatten(),
        layers.Dense(16, activation="tanh"),
        layers.Dense(4),
    ]
    return keras.Sequential([keras.Input((9, 9, 2)), *parts])


def wanted(labels, targeted):
    return (labels + 1) % 4 if targeted else None


def check_same(one, other):
    assert other.success.any()
    np.testing.assert_array_equal(one.success, other.success)
    np.testing.assert_allclose(one.adversarial, other.adversarial, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(one.gradient_evaluations, other.gradient_evaluations)
    np.testing.assert_array_equal(one.forward_evaluations, other.forward_evaluations)


ATTACKS = {
    "strattack": brief(20, refining=10, tau=0.3),
    "admm": sa.StrAttack(solver=sa.solvers.Admm(max_iterations=20), refine=False, restarts=0),
    "cw": sa.CarliniWagnerL2(max_iterations=25, search_steps=2, learning_rate=0.05, initial_c=1.0),
    "ead": sa.ElasticNet(max_iterations=25, search_steps=2, learning_rate=0.05, initial_c=1.0),
    "fgm": sa.FGM(norm="l2"),
    "pgd": sa.PGD(norm="l2", epsilon=1.0, steps=10, restarts=1),
    "sigma_zero": sa.SigmaZero(max_iterations=20),
}
