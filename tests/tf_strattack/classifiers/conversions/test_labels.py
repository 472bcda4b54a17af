"""Labels in other forms: accepted, reported where they are converted, or refused with a remedy."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.slow import first_quick
from tests.tf_strattack.classifiers.conversions.notes import ATTACK, notes_of
from tests.tf_strattack.classifiers.networks import IMAGES, body, dense


class Frame:
    """As a data frame of one column."""

    def __init__(self, column):
        self.column = column

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.column)[:, None]


@pytest.mark.parametrize("form", first_quick([list, tf.constant, np.asarray, np.uint8], 2))
def test_labels_of_any_integer_type_are_the_same(model, labels, form):
    result, notes = notes_of(lambda: ATTACK(model, IMAGES, form(labels)))
    np.testing.assert_array_equal(result.labels, labels)
    assert not notes


@pytest.mark.parametrize("form", [lambda labels: labels[:, None], Frame])
def test_a_column_of_labels_is_squeezed_and_reported(model, labels, form):
    result, notes = notes_of(lambda: ATTACK(model, IMAGES, form(labels)))
    np.testing.assert_array_equal(result.labels, labels)
    assert notes == ["labels of shape (12, 1) are taken for (12,)"]


def test_booleans_are_the_two_classes():
    model = body(dense(1, "sigmoid"))
    seen = model.predict(IMAGES, verbose=0)[:, 0] > 0.5
    result, notes = notes_of(lambda: ATTACK(model, IMAGES, seen))
    np.testing.assert_array_equal(result.labels, seen.astype(int))
    assert result.clean_correct.all()
    assert not notes


@pytest.mark.parametrize(
    ("change", "message", "remedy"),
    [
        (
            lambda labels: np.eye(4)[labels],
            r"class numbers, received \(12, 4\): argmax",
            lambda one: one.argmax(axis=1),
        ),
        (lambda labels: labels.astype(float), r"received dtype float64: labels.astype\(int\)", lambda x: x.astype(int)),
        (lambda labels: labels.astype(str), "expected integer labels, received dtype <U", lambda x: x.astype(int)),
    ],
)
def test_other_labels_are_refused_with_a_remedy_that_works(model, labels, change, message, remedy):
    with pytest.raises(sa.InputError, match=message):
        ATTACK(model, IMAGES, change(labels))
    np.testing.assert_array_equal(ATTACK(model, IMAGES, remedy(change(labels))).labels, labels)


def test_two_columns_that_are_not_one_hot_get_no_advice_to_take_argmax(model, labels):
    with pytest.raises(sa.InputError, match=r"expected labels of shape \(12,\), one for each image") as error:
        ATTACK(model, IMAGES, np.stack([labels, labels], axis=1))
    assert "argmax" not in str(error.value)
