"""Targets as callers pass them."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tf_strattack.checks import check_targets

LABELS = np.array([7, 2, 0], np.int32)


@pytest.mark.parametrize("three", [3, np.int64(3), np.array(3), np.uint8(3), tf.constant(3)])
def test_one_target_is_that_of_all_examples(three):
    targets = check_targets(three, LABELS, 10)
    assert targets.tolist() == [3, 3, 3]
    assert targets.dtype == np.int32


def test_one_target_and_a_row_for_each_example_are_the_same_attack():
    images, labels, _ = sa.shipped.load_sample()
    images, labels = images[labels != 3][:4], labels[labels != 3][:4]
    classifier, attack = sa.shipped.load_classifier(), sa.FGM()
    one, rows = (attack(classifier, images, labels, targets) for targets in (3, np.full(4, 3)))
    np.testing.assert_array_equal(one.adversarial, rows.adversarial)
    np.testing.assert_array_equal(one.targets, [3, 3, 3, 3])


def test_no_target_is_none():
    assert check_targets(None, LABELS, 10) is None


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (2, r"other than the labels, received equal ones in row 1: leave them out, images\[labels != 2\]"),
        ([1, 2, 0], r"received equal ones in 2 rows, the first is 1: sa\.targets\.random draws others"),
        (10, "expected targets from 0 to 9, received 10 in 3 rows"),
        (-1, "expected targets from 0 to 9, received -1"),
        (3.0, "expected integer targets, received dtype float64"),
        (True, r"expected targets of shape \(3,\), one for each image, received \(\)"),
        ([3], r"expected targets of shape \(3,\), one for each image, received \(1,\)"),
    ],
)
def test_wrong_targets_are_refused_in_a_line(targets, message):
    with pytest.raises(sa.InputError, match=message) as caught:
        check_targets(targets, LABELS, 10)
    assert "\n" not in str(caught.value)
