"""The box that perturbations stay in."""

import numpy as np

from tf_strattack.problem.batch import Batch


def test_the_box_is_what_bounds_epsilon_and_mask_leave():
    images = np.array([-1.0, 0.0, 2.6, 3.0], np.float32).reshape(1, 2, 2, 1)  # 0, 0.25, 0.9 and 1 of the range
    mask = np.ones_like(images)
    for epsilon, lower, upper in (
        (0.3, [0, -0.25, -0.3, -0.3], [0.3, 0.3, 0.1, 0]),
        (None, [0, -0.25, -0.9, -1], [1, 0.75, 0.1, 0]),
    ):
        batch = Batch.build((-1.0, 3.0), images, np.zeros(1, np.int32), mask, epsilon=epsilon)
        np.testing.assert_allclose(batch.lower.numpy().ravel(), lower, atol=1e-6)
        np.testing.assert_allclose(batch.upper.numpy().ravel(), upper, atol=1e-6)
    nothing = Batch.build((-1.0, 3.0), images, np.zeros(1, np.int32), 0 * mask, epsilon=0.3)
    assert not nothing.lower.numpy().any()
    assert not nothing.upper.numpy().any()
