"""Several devices give the results of one; each number of devices needs a process of its own."""

import numpy as np
import pytest

from tests.programs import run_code

PROGRAM = """
import sys
import numpy as np
import tensorflow as tf

if int(sys.argv[1]) > 1:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[1]))

import tf_strattack as sa
from tests.builders import exact_rows
from tf_strattack.runtime import devices

assert devices.replicas() == int(sys.argv[1])
classifier = sa.Classifier.from_callable(exact_rows())
images = np.random.default_rng(1).uniform(size=(37, 6, 6, 1)).astype(np.float32)
labels = classifier.predict(images).argmax(axis=1)
attack = sa.StrAttack(solver=sa.solvers.ProxLinear(patience=20), fallback=sa.solvers.Admm(patience=20))
result = attack(classifier, images, labels, (labels + 1 + np.arange(37) % 3) % 4)
digits = sa.shipped.load_sample()
shipped = sa.shipped.load_classifier()
solvers = sa.solvers
attack = sa.StrAttack(
    solver=solvers.ProxLinear(max_iterations=40),
    fallback=solvers.Admm(max_iterations=40),
    refine=sa.Refinement(solver=solvers.ProxLinear.refining(max_iterations=10)),
)
second = attack(shipped, digits.images[:5], digits.labels[:5], (digits.labels[:5] + 1) % 10)


def objective(result):
    side = result.delta.shape[1]
    groups = sa.SlidingMask(2).of(side, side)
    total = tf.reduce_sum(tf.sqrt(groups.total(tf.constant(result.delta**2))), axis=[1, 2])
    return sa.metrics.l2(result.delta) ** 2 + attack.tau * total.numpy()


np.savez(sys.argv[2], rows=[rows for _, rows in result.calls], exact=result.adversarial,
         exact_success=result.success, exact_objective=objective(result),
         success=second.success, objective=objective(second))
"""


def run(devices, tmp_path):
    target = tmp_path / f"{devices}.npz"
    status, _, err = run_code(PROGRAM, devices, target)
    assert status == 0, err[-3000:]
    return np.load(target)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return run(1, tmp_path_factory.mktemp("one"))


@pytest.mark.slow
@pytest.mark.parametrize("devices", [2, 3])
def test_a_batch_split_over_devices_gives_the_same_results(one, devices, tmp_path):
    several = run(devices, tmp_path)
    assert (several["rows"] % devices == 0).all()
    # TensorFlow folds the constants of the two graphs differently, which moves last bits.
    np.testing.assert_array_equal(several["exact_success"], one["exact_success"])
    np.testing.assert_allclose(several["exact_objective"], one["exact_objective"], rtol=0.05)
    same = np.isclose(several["exact"], one["exact"], atol=1e-4).all(axis=(1, 2, 3))
    assert same.mean() > 0.9
    assert one["success"].all()
    np.testing.assert_array_equal(several["success"], one["success"])
    np.testing.assert_allclose(several["objective"], one["objective"], rtol=0.05)
