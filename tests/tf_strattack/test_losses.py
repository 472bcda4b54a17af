"""The margin and the success test on logits written by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tf_strattack.losses import margin, reaches

LOGITS = tf.constant([[3.0, 1.0, 2.0], [0.0, 5.0, 4.5], [1.0, 1.0, 0.0]])
CLASSES = tf.constant([2, 1, 1])


def test_margin_by_hand():
    np.testing.assert_allclose(margin(LOGITS, CLASSES, targeted=True), [1.0, -0.5, 0.0])
    np.testing.assert_allclose(margin(LOGITS, CLASSES, targeted=False), [-1.0, 0.5, 0.0])


def test_margin_is_right_for_logits_of_any_scale():
    huge = tf.constant([[-3e8, -2e8]])
    assert margin(huge, tf.constant([0]), targeted=True).numpy()[0] == 1e8


def test_success_needs_the_confidence():
    for confidence, expected in [(0.0, [False, True, False]), (0.5, [False, True, False]), (0.6, [False] * 3)]:
        np.testing.assert_array_equal(reaches(margin(LOGITS, CLASSES, True), confidence), expected)
    np.testing.assert_array_equal(reaches(margin(LOGITS, CLASSES, False), 0.9), [True, False, False])


@pytest.mark.parametrize("targeted", [True, False])
@pytest.mark.parametrize("chosen", [0, 1])
def test_a_tie_is_no_success_as_argmax_may_decide_it_either_way(targeted, chosen):
    assert not reaches(margin(tf.constant([[1.0, 1.0]]), tf.constant([chosen]), targeted), 0.0).numpy()[0]


def test_nan_is_no_success():
    assert not reaches(margin(tf.constant([[np.nan, 1.0]]), tf.constant([1]), True), 0.0).numpy()[0]
