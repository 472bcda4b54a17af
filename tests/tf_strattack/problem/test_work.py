"""The book of evaluations, and what compiled programs keep alive."""

import gc

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import exact_rows
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.misclassify import Misclassify
from tf_strattack.problem.work import Work
from tf_strattack.runtime.progress import Tracker


@pytest.fixture
def work():
    """Five examples of a small network, padded to 16."""
    goal = Misclassify(sa.Classifier.from_callable(exact_rows()))
    images = np.random.default_rng(0).uniform(size=(5, 6, 6, 1)).astype(np.float32)
    labels = goal.classifier.classify(images)
    padded = np.concatenate([images, np.repeat(images[:1], 11, axis=0)])
    classes = np.concatenate([labels, np.repeat(labels[:1], 11)])
    batch = Batch.build((0.0, 1.0), padded, classes, np.ones((1, 1, 1, 1), np.float32), epsilon=None)
    tracker = Tracker(5, None)
    tracker.start_batch(5, 10)
    return Work(goal, batch, np.arange(5), tracker)


def test_every_call_is_entered_for_the_examples_it_was_made_for(work):
    work.margins()
    work.tangents()
    some = work.some(np.array([1, 3]))
    some.evaluate(
        "twice",
        lambda problem, delta, required: (
            problem.margin_and_gradient(delta)[0],
            problem.cross_entropy_gradient(delta),
            problem.is_adversarial(delta, required),
        ),
        tf.zeros_like(some.batch.images),
        tf.zeros(16),
    )
    np.testing.assert_array_equal(work.tracker.gradients, [1, 3, 1, 3, 1])
    np.testing.assert_array_equal(work.tracker.forwards, [1, 2, 1, 2, 1])
    assert work.tracker.calls == {("gradient", 16): 3, ("forward", 16): 2}


@pytest.mark.parametrize("times", [0, 1, 4])
def test_what_is_repeated_counts_as_often_without_another_graph(work, times):
    def descend(problem, delta, times):
        return problem.repeat(times, lambda delta: delta - 0.1 * problem.cross_entropy_gradient(delta), delta)

    zero = tf.zeros_like(work.batch.images)
    moved = work.evaluate("descend", descend, zero, tf.constant(times))
    assert work.tracker.gradients.tolist() == [times] * 5
    assert bool((moved.numpy() != 0).any()) == (times > 0)


def test_the_work_on_some_examples_has_their_rows_and_is_padded(work):
    some = work.some(np.array([4, 2]))
    assert (some.rows, some.size) == (2, 16)
    np.testing.assert_array_equal(some.batch.images[:2], work.batch.images.numpy()[[4, 2]])
    np.testing.assert_array_equal(some.places, [4, 2])
    np.testing.assert_array_equal(some.some(np.array([1])).places, [2])
    np.testing.assert_array_equal(work.select(np.array([4, 2]), tf.range(16))[:2], [4, 2])


@pytest.mark.slow
def test_no_batch_stays_in_memory_after_an_attack(exact):
    classifier, images, labels, targets = exact
    attacks = (sa.StrAttack(), sa.StrAttack(solver="admm"), sa.FGM(), sa.CarliniWagnerL2(search_steps=1), sa.PGD())
    for attack in attacks:
        attack(classifier, images, labels, targets)
    gc.collect()
    kept = [value for value in gc.get_objects() if isinstance(value, Work)]
    batches = [value for value in gc.get_objects() if isinstance(value, Batch)]
    graphs = [batch for batch in batches if not tf.is_tensor(batch.images) or tf.is_symbolic_tensor(batch.images)]
    assert not kept
    assert len(batches) == len(graphs) > 0
