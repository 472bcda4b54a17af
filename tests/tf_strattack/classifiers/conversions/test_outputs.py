"""What the library guesses about outputs and layouts is reported once, unless it is stated."""

import keras
import numpy as np
import pytest
from keras import layers

import tf_strattack as sa
from tests.tf_strattack.classifiers.conversions.notes import notes_of
from tests.tf_strattack.classifiers.networks import IMAGES, body, dense, two_outputs


@pytest.mark.parametrize(
    ("make", "note"),
    [
        (lambda: body(dense(activation="sigmoid")), "ends in a sigmoid for each of several classes: the largest"),
        (lambda: body(dense(activation="relu")), "ends in relu: its outputs are taken as they are, and the largest"),
        (lambda: compiled(body(dense()), "mse"), "compiled with a loss of regression, mse: its largest output decides"),
        (lambda: compiled(body(dense()), keras.losses.Huber()), "loss of regression, huber_loss: its largest output"),
        (lambda: two_outputs(lambda box, scores: [scores]), None),
    ],
)
def test_what_is_no_usual_classifier_is_said_once(make, note):
    model = make()
    classifier = sa.Classifier.from_keras(model)
    _, notes = notes_of(lambda: (classifier.predict(IMAGES), classifier.predict(IMAGES)))
    assert len(notes) == (note is not None)
    assert note is None or note in notes[0]


def compiled(model, loss):
    model.compile("adam", loss)
    return model


def test_guesses_about_outputs_name_the_option_that_settles_them():
    model = body(dense(activation="sigmoid"), scale=1.0)
    function = lambda images: model(images, training=False)  # noqa: E731
    _, notes = notes_of(lambda: sa.Classifier.from_callable(function).predict(IMAGES))
    assert "taken for a sigmoid for each class" in notes[0]
    _, notes = notes_of(lambda: sa.Classifier.from_callable(function, outputs="sigmoid").predict(IMAGES))
    assert not notes
    one = lambda images: function(images)[:, 0]  # noqa: E731
    _, notes = notes_of(lambda: sa.Classifier.from_callable(one).predict(IMAGES))
    assert "taken for a probability: class 1 where it is above 0.5, else class 0" in notes[0]
    logits, notes = notes_of(lambda: sa.Classifier.from_callable(one, outputs="probabilities").predict(IMAGES))
    assert not notes
    probabilities = np.asarray(one(IMAGES))
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], 2 * np.log(probabilities / (1 - probabilities)), atol=1e-4)


def test_a_guessed_layout_is_said_and_a_stated_one_is_not(tmp_path):
    model = keras.Sequential([layers.Input((3, 40, 50)), layers.Permute((2, 3, 1)), layers.Flatten(), layers.Dense(3)])
    images = np.random.default_rng(0).uniform(size=(2, 40, 50, 3)).astype(np.float32)
    expected = model.predict(images.transpose(0, 3, 1, 2), verbose=0)
    guessed, notes = notes_of(lambda: sa.Classifier.from_keras(model).predict(images))
    assert "(3, 40, 50) is taken for (channels, height, width): state data_format='channels_first'" in notes[0]
    stated, notes = notes_of(lambda: sa.Classifier.from_keras(model, data_format="channels_first").predict(images))
    assert not notes
    for logits in (guessed, stated):
        np.testing.assert_allclose(logits, expected, atol=1e-4)
    with pytest.raises(sa.InputError, match="expected data_format to be one of channels_last, channels_first"):
        sa.Classifier.from_keras(model, data_format="NCHW")
