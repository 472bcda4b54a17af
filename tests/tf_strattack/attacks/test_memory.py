"""Batches that fit in memory, the message for those that do not, and the memory of the loops per example."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import brief, exact_rows
from tf_strattack.attacks import memory
from tf_strattack.classifiers.inspection import Findings
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.misclassify import Misclassify
from tf_strattack.problem.objective import Objective
from tf_strattack.problem.problem import Problem
from tf_strattack.runtime import devices

LARGE = (96, 96, 3)


def images_for(classifier, rows, shape=(6, 6, 1)):
    images = np.random.default_rng(0).uniform(0.2, 0.8, size=(rows, *shape)).astype(np.float32)
    return images, classifier.predict(images).argmax(axis=1)


def limited(most, called=None):
    """A network that runs out of memory with more than `most` rows."""
    network = exact_rows()

    def function(images):
        def check(rows):
            if called is not None:
                called.append(int(rows))
            if rows > most:
                raise MemoryError("OOM when allocating")
            return np.float32(0.0)

        nothing = tf.numpy_function(check, [tf.shape(images)[0]], tf.float32)
        with tf.control_dependencies([nothing]):
            return network(tf.identity(images))

    return sa.Classifier.from_callable(function)


def test_too_large_a_batch_is_reported_with_one_that_fits():
    classifier = limited(40)
    images, labels = images_for(classifier, 40)
    images, labels = np.tile(images, (3, 1, 1, 1)), np.tile(labels, 3)
    with pytest.raises(sa.InputError) as error:
        brief(3)(classifier, images, labels, batch_size=100)
    expected = "expected a batch that fits in memory, received 100 images of shape (6, 6, 1) at once: use batch_size=32"
    assert str(error.value) == expected
    assert len(brief(3)(classifier, images, labels, batch_size=32)) == 120


def test_auto_continues_with_less_and_gives_the_same_results():
    called = []
    classifier = limited(40, called)
    images, labels = images_for(classifier, 40)
    attack = brief(10)
    auto = attack(classifier, images, labels, batch_size="auto")
    assert max(called) > 40, "no larger batch was tried"
    called.clear()
    again = attack(classifier, images, labels, batch_size="auto")
    assert max(called) <= 40, "it was measured twice"
    few = attack(classifier, images, labels, batch_size=16)
    for result in (auto, again):
        np.testing.assert_array_equal(result.adversarial, few.adversarial)


def test_where_nothing_fits_it_says_so():
    classifier = limited(8)
    classifier.num_classes, classifier._findings = 4, Findings(4, "logits", False, 0.0)  # as if it had been looked at
    images = np.zeros((3, 6, 6, 1), np.float32)
    for size in (1, "auto"):
        with pytest.raises(sa.InputError, match="not enough memory for a gradient of this network"):
            brief(3)(classifier, images, [0, 0, 0], batch_size=size)


def test_a_batch_that_memory_does_not_hold_is_not_tried(monkeypatch):
    classifier = sa.Classifier.from_callable(exact_rows())
    images, _ = images_for(classifier, 3)
    # Each row takes 10 MB, and 1 GB is free: 70 % of it hold 64 rows, and not twice as many.
    monkeypatch.setattr(memory, "_free_bytes", lambda: 1e9)
    monkeypatch.setattr(memory, "_peak_growth", lambda work: 10_000_000 * int(work.args[0].shape[0]))
    assert memory.fitting_batch_size(Misclassify(classifier), images) == 64


def test_growth_is_what_the_process_takes_at_its_peak():
    if tf.config.list_logical_devices("GPU"):
        pytest.skip("counts the memory of the machine")

    def work():
        for _ in range(20):
            np.ones(2**25, np.float32)  # 128 MiB, and gone

    growth = memory._peak_growth(work)
    assert 2**26 < growth < 2**29


@pytest.mark.parametrize("size", [0, "some", 2.5])
def test_a_bad_batch_size_is_refused(exact, size):
    classifier, images, labels, _ = exact
    with pytest.raises(sa.InputError, match="expected batch_size to be a whole number of at least 1"):
        sa.StrAttack()(classifier, images, labels, batch_size=size)


@pytest.mark.parametrize(
    ("rows", "shape", "padded"),
    [(1, (28, 28, 1), 16), (17, (28, 28, 1), 17), (1, LARGE, 2), (3, LARGE, 3), (9, LARGE, 9)],
)
def test_small_images_are_padded_to_many_rows_and_large_ones_to_two(rows, shape, padded):
    assert devices.padded(rows, shape) == padded * devices.replicas()


def test_a_large_image_s_result_does_not_depend_on_its_batch():
    kernel = tf.constant(np.random.default_rng(0).normal(size=(5, 5, 3, 4)), tf.float32)
    classifier = sa.Classifier.from_callable(
        lambda x: tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(x, kernel, 2, "SAME")), axis=[1, 2]) * 10.0
    )
    images, labels = images_for(classifier, 4, LARGE)
    attack = brief(8, refining=3, group_size=13)
    whole = attack(classifier, images, labels, (labels + 1) % 4)
    for row in (0, 3):
        alone = attack(classifier, images[row : row + 1], labels[row : row + 1], (labels[row : row + 1] + 1) % 4)
        np.testing.assert_array_equal(alone.adversarial[0], whole.adversarial[row])
    assert {rows for _, rows in whole.calls} == {4}


@pytest.mark.parametrize("solver", [sa.solvers.ProxLinear(), sa.solvers.Admm(), sa.CarliniWagnerL2()])
def test_a_loop_keeps_at_most_eight_tensors_of_an_image_s_size(solver):
    classifier = sa.Classifier.from_callable(exact_rows())
    images, labels = images_for(classifier, 2)
    mask = np.ones((1, 1, 1, 1), np.float32)
    batch = Batch.build((0.0, 1.0), images, labels.astype(np.int32), mask, epsilon=0.6)
    objective = Objective(groups=sa.SlidingMask(2).of(6, 6), tau=0.65)
    iterate = solver.init(Problem(Misclassify(classifier), batch, objective), tf.zeros_like(batch.images), tf.zeros(2))
    kept = [part for part in tf.nest.flatten((iterate, batch)) if part.shape == batch.images.shape]
    assert len(kept) + 1 <= 8  # and the best so far
