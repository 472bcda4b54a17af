"""Targets: drawn for each row by itself, and the lowest scores."""

import keras
import numpy as np
import pytest

import tf_strattack as sa

LABELS = np.random.default_rng(0).integers(0, 10, 200)


def test_targets_are_different_classes_other_than_the_label():
    for n in (1, 4, 9):
        drawn = sa.targets.random(LABELS, 10, n, seed=3)
        assert drawn.shape == (200, n)
        assert drawn.dtype == np.int32
        assert drawn.min() >= 0
        assert drawn.max() <= 9
        assert not (drawn == LABELS[:, None]).any()
        assert all(len(set(row)) == n for row in drawn)
    np.testing.assert_array_equal(drawn, [[c for c in range(10) if c != label] for label in LABELS])


def test_one_target_is_a_row_of_numbers():
    drawn = sa.targets.random(LABELS, 10, seed=3)
    np.testing.assert_array_equal(drawn, sa.targets.random(LABELS, 10, 1, seed=3)[:, 0])
    assert sa.targets.random([], 10, seed=0).shape == (0,)
    assert sa.targets.random([], 10, 2, seed=0).shape == (0, 2)


def test_all_other_classes_are_equally_likely():
    counts = np.bincount(sa.targets.random(np.full(3000, 4), 5, seed=0), minlength=5)
    assert counts[4] == 0
    assert abs(counts[:4] - 750).max() < 100  # more than four standard deviations


def test_a_row_depends_on_nothing_else_in_the_batch():
    whole = sa.targets.random(LABELS, 10, 3, seed=1)
    np.testing.assert_array_equal(sa.targets.random(LABELS[:20], 10, 3, seed=1), whole[:20])
    np.testing.assert_array_equal(sa.targets.random(LABELS[20:], 10, 3, seed=1, first_row=20), whole[20:])
    others = np.where(np.arange(200) == 7, LABELS, (LABELS + 1) % 10)
    np.testing.assert_array_equal(sa.targets.random(others, 10, 3, seed=1)[7], whole[7])
    assert (sa.targets.random(LABELS, 10, 3, seed=2) != whole).any()


def test_what_is_drawn_stays_the_same():
    # As data sets that were generated before name their examples.
    for row, (label, drawn) in enumerate(zip(LABELS[:20], sa.targets.random(LABELS[:20], 10, 3, seed=5), strict=True)):
        others = [c for c in range(10) if c != label]
        assert drawn.tolist() == sorted(np.random.default_rng([5, row]).choice(others, 3, replace=False))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1], 10, 10), {}, "expected n of at most 9, the classes other than the label, received 10"),
        (([1], 10, 0), {}, "expected n to be a whole number of at least 1, received 0"),
        (([0], 1), {}, "expected classes to be a whole number of at least 2, received 1"),
        (([0], "ten"), {}, "expected classes to be a whole number of at least 1, received 'ten'"),
        (([3, 10, 12], 10), {}, "expected labels from 0 to 9, received 10 in 2 rows, the first is 1"),
        (([-1], 10), {}, "expected labels from 0 to 9, received -1 in row 0"),
        (([0.5], 10), {}, "expected integer labels, received dtype float64"),
        ((3, 10), {}, r"expected labels of shape \(1,\), one for each image, received \(\)"),
        (([1], 10), {"seed": -1}, "expected seed to be a whole number of at least 0, received -1"),
        (([1], 10), {"seed": 0.5}, "expected seed to be a whole number of at least 0, received 0.5"),
        (([1], 10), {"first_row": -1}, "expected first_row to be a whole number of at least 0, received -1"),
    ],
)
def test_mistakes_are_refused_in_a_line(arguments, options, message):
    with pytest.raises(sa.InputError, match=message):
        sa.targets.random(*arguments, **{"seed": 0, **options})


def test_the_least_likely_class_has_the_lowest_score(mnist, digits):
    images = digits[0][:9]
    found = sa.targets.least_likely(mnist, images)
    np.testing.assert_array_equal(found, [min(range(10), key=scores.__getitem__) for scores in mnist.predict(images)])
    assert found.dtype == np.int32
    assert sa.targets.least_likely(mnist, images[:0]).shape == (0,)


def test_the_least_likely_class_of_a_keras_model():
    model = keras.Sequential([keras.Input((2, 1, 1)), keras.layers.Flatten(), keras.layers.Dense(3, use_bias=False)])
    model.set_weights([np.array([[1.0, 0.0, -1.0], [-1.0, 0.0, 1.0]])])
    images = np.array([[0.9, 0.1], [0.1, 0.9]], np.float32).reshape(2, 2, 1, 1)
    assert sa.targets.least_likely(model, images).tolist() == [2, 0]
    with pytest.raises(sa.InputError, match="expected a Classifier or a Keras model"):
        sa.targets.least_likely(print, images)
