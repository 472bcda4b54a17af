"""What callers pass in other forms: accepted, and reported once where something is converted or guessed."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tf_strattack as sa
from tests.builders import brief
from tests.tf_strattack.classifiers.networks import IMAGES, SIDE, body, dense, two_outputs

ATTACK = sa.FGM(norm="l2")


@pytest.fixture(scope="module")
def model():
    return body(dense(activation="softmax"))


@pytest.fixture(scope="module")
def labels(model):
    return model.predict(IMAGES, verbose=0).argmax(axis=1)


def notes_of(function):
    """What `function` returns, and what the library reported meanwhile."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function()
    return result, [str(one.message) for one in caught if issubclass(one.category, sa.InputWarning)]


class Frame:
    """As a data frame of one column."""

    def __init__(self, column):
        self.column = column

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.column)[:, None]


@pytest.mark.parametrize("form", [list, np.asarray, tf.constant, np.uint8])
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


@pytest.mark.parametrize("form", [tf.constant, list, lambda images: images.astype(np.float64)])
def test_images_of_any_form_give_the_same_result(model, labels, form):
    result, notes = notes_of(lambda: ATTACK(model, form(IMAGES), labels))
    np.testing.assert_array_equal(result.adversarial, ATTACK(model, IMAGES, labels).adversarial)
    assert not notes


def test_grey_images_get_a_channel_axis_and_it_is_reported(model, labels):
    result, notes = notes_of(lambda: ATTACK(model, IMAGES[..., 0], labels))
    np.testing.assert_array_equal(result.adversarial, ATTACK(model, IMAGES, labels).adversarial)
    assert notes == [
        "images of shape (12, 6, 6) are taken for 12 grey images (N, H, W): results have a channel axis, (N, H, W, 1)"
    ]


def test_the_network_of_the_first_keras_tutorial_takes_its_images_as_they_are():
    model = keras.Sequential([layers.Input((28, 28)), layers.Flatten(), layers.Dense(10)])
    images, labels, _ = sa.shipped.load_sample()
    images = images[:4, ..., 0]
    labels = model.predict(images, verbose=0).argmax(axis=1)
    result, _ = notes_of(lambda: brief(20, refine=False)(model, images, labels))
    assert result.adversarial.shape == (4, 28, 28, 1)
    np.testing.assert_array_equal(
        model.predict(result.adversarial[..., 0], verbose=0).argmax(1) != labels, result.success
    )


def test_the_message_for_a_single_image_names_its_first_axis(model, labels):
    with pytest.raises(sa.InputError, match=r"received \(6, 6, 1\): add a first axis, \[None\], to a single image"):
        ATTACK(model, IMAGES[0], labels[:1])
    assert len(ATTACK(model, IMAGES[0][None], labels[:1])) == 1


def test_the_message_for_channels_first_advises_a_transposition(labels):
    model = keras.Sequential([layers.Input((SIDE, SIDE, 3)), layers.Flatten(), layers.Dense(4)])
    images = np.random.default_rng(0).uniform(size=(4, 3, SIDE, SIDE)).astype(np.float32)
    with pytest.raises(
        sa.InputError, match=r"images are \(N, H, W, C\), so transpose them, images.transpose\(0, 2, 3, 1\)"
    ):
        ATTACK(model, images, labels[:4])
    assert len(ATTACK(model, images.transpose(0, 2, 3, 1), labels[:4])) == 4


def test_images_a_rounding_beyond_the_bounds_are_clipped_and_others_refused(model, labels):
    beyond = IMAGES.copy()
    beyond[2, 0, 0] = np.nextafter(np.float32(1), np.float32(2))
    result, notes = notes_of(lambda: ATTACK(model, beyond, labels))
    assert notes == ["images leave the bounds by a rounding error in row 2, and are clipped"]
    assert result.images[2, 0, 0] == 1.0
    assert (result.adversarial <= 1.0).all()
    beyond[2, 0, 0] = 1.001
    with pytest.raises(sa.InputError, match=r"values from .* to 1.001 in row 2: rescale them, or state their scale"):
        ATTACK(model, beyond, labels)


def test_the_message_for_bytes_names_their_bounds(model, labels):
    bytes_of_images = (IMAGES * 255).astype(np.uint8)
    with pytest.raises(sa.InputError, match=r"state their scale as bounds, bounds=\(0, 255\)"):
        ATTACK(model, bytes_of_images, labels)
    scaled = sa.Classifier.from_keras(model, bounds=(0, 255), preprocessing=lambda images: images / 255)
    assert ATTACK(scaled, bytes_of_images, labels).success.any()


def batches():
    return tf.data.Dataset.from_tensor_slices((IMAGES, np.zeros(12, np.int32))).batch(4)


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return IMAGES, np.zeros(12, int)


@pytest.mark.parametrize("make", [batches, lambda: iter([(IMAGES, [0] * 12)]), lambda: Sequence()])
def test_the_message_for_batches_shows_the_loop_that_works(model, make):
    with pytest.raises(sa.InputError, match="loop over its batches: for images, labels in batches: attack"):
        ATTACK(model, make(), np.zeros(12, int))
    for images, labels in make():
        assert len(ATTACK(model, images, labels)) == len(images)
    with pytest.raises(sa.InputError, match=r"received a dict: pass the images alone"):
        ATTACK(model, {"image": IMAGES}, np.zeros(12, int))


def test_a_keras_model_goes_wherever_a_classifier_does_and_is_compiled_once(model, labels):
    targets = (labels + 1) % 4
    result = ATTACK(model, IMAGES, labels, targets)
    kept = model.__dict__["_strattack_classifier"].classifier
    sa.refine(model, IMAGES, result.adversarial, labels, targets)
    sa.quantize(model, IMAGES, result.adversarial, labels, targets)
    assert sa.interpret.asm(model, IMAGES, labels, targets).shape == IMAGES.shape
    assert sa.interpret.grad_cam(model, IMAGES, labels).shape == IMAGES.shape[:3]
    assert model.__dict__["_strattack_classifier"].classifier is kept
    programs = len(kept._remembered)
    ATTACK(model, IMAGES, labels, targets)
    assert len(kept._remembered) == programs


def quantize(model):
    model.quantize("int8")


def adapt_to_low_rank(model):
    model.layers[-1].enable_lora(2)
    model.layers[-1].lora_kernel_b.assign(np.random.default_rng(0).normal(size=model.layers[-1].lora_kernel_b.shape))


def normalize_otherwise(model):
    model.layers[0].adapt(1 - 3 * IMAGES)


def rescale_otherwise(model):
    model.layers[1].scale, model.layers[1].offset = -1.0, 1.0


def predict_otherwise(model):
    model.predict_step = lambda data: model(1.0 - data, training=False)


def train(model):
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(IMAGES, np.arange(12) % 4, epochs=3, verbose=0)


@pytest.mark.parametrize(
    ("change", "explicit"),
    [
        (quantize, True),
        pytest.param(quantize, False, marks=pytest.mark.slow),
        pytest.param(adapt_to_low_rank, True, marks=pytest.mark.slow),
        (normalize_otherwise, False),
        pytest.param(rescale_otherwise, True, marks=pytest.mark.slow),
        pytest.param(predict_otherwise, False, marks=pytest.mark.slow),
        (train, False),
    ],
)
def test_a_model_that_has_changed_is_looked_at_again(change, explicit):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 1)),
            layers.Normalization(),
            layers.Rescaling(1.0),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.layers[0].adapt(IMAGES)
    model.set_weights([2 * weight if weight.ndim == 2 else weight for weight in model.get_weights()])
    stated = sa.Classifier.from_keras(model) if explicit else None
    ATTACK(stated or model, IMAGES, np.asarray(model(IMAGES)).argmax(axis=1))
    change(model)  # before Keras compiles predict, which it does once
    labels = model.predict(IMAGES, verbose=0).argmax(axis=1)
    result = ATTACK(stated or model, IMAGES, labels)
    assert result.clean_correct.all()
    np.testing.assert_array_equal(model.predict(result.adversarial, verbose=0).argmax(axis=1) != labels, result.success)


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


class Remembers(layers.Layer):
    """A layer that keeps what it has seen last, as attention maps are kept."""

    def call(self, images):
        self.seen = images
        return images


def test_a_layer_that_keeps_what_it_has_seen_changes_nothing():
    model = keras.Sequential([layers.Input((SIDE, SIDE, 1)), Remembers(), layers.Flatten(), layers.Dense(4)])
    classifier = sa.Classifier.from_keras(model)
    labels = classifier.classify(IMAGES)
    found = classifier._findings
    ATTACK(classifier, IMAGES, labels)
    assert classifier._findings is found


def test_a_function_that_has_changed_is_looked_at_again():
    weights = {"now": tf.constant(np.random.default_rng(0).normal(size=(SIDE * SIDE, 4)), tf.float32)}

    def network(images):
        return tf.reshape(images, [-1, SIDE * SIDE]) @ weights["now"]

    classifier = sa.Classifier.from_callable(network)
    ATTACK(classifier, IMAGES, classifier.classify(IMAGES))
    weights["now"] = -weights["now"]
    labels = np.asarray(network(IMAGES)).argmax(axis=1)
    result = ATTACK(classifier, IMAGES, labels)
    assert result.clean_correct.all()
    np.testing.assert_array_equal(np.asarray(network(result.adversarial)).argmax(axis=1) != labels, result.success)


@pytest.mark.filterwarnings("ignore::tf_strattack.errors.InputWarning")  # all classes tie on black
def test_black_images_are_attacked_whichever_comes_first():
    model = body(dense())
    black = np.zeros((3, SIDE, SIDE, 1), np.float32)
    saturated = keras.Sequential([layers.Input((SIDE, SIDE, 1)), layers.Rescaling(1.0, -0.01), layers.ReLU(), model])
    result = ATTACK(saturated, black, saturated.predict(black, verbose=0).argmax(axis=1))
    assert not result.success.any()  # no gradient there, and nothing found: a result, not a refusal
