"""Networks with more inputs than the image, with channels first, and exports that have no gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tf_strattack as sa

WEIGHTS = np.random.default_rng(0).normal(size=(36, 3)).astype(np.float32)
COLOUR = np.random.default_rng(1).normal(size=(3, 5, 6, 4)).astype(np.float32)
IMAGES = np.random.default_rng(2).uniform(0.1, 0.9, size=(4, 6, 6, 1)).astype(np.float32)


def logits(images):
    return tf.reshape(tf.cast(images, tf.float32), [-1, 36]) @ WEIGHTS


def save(path, function, *spec, **signatures):
    module = tf.Module()
    module.classify = tf.function(function, input_signature=spec)
    tf.saved_model.save(module, str(path), signatures=signatures or module.classify)
    return path


def many_inputs(tmp_path):
    """A signature with an image, a vector for each image, a factor and a switch."""

    def function(image, meta, factor, training):
        shift = tf.reduce_sum(meta, axis=1, keepdims=True) * [[1.0, 0.0, 0.0]]
        return {"logits": (1.0 + factor) * logits(image) + shift + tf.where(training, 100.0, 0.0)}

    return save(
        tmp_path / "many",
        function,
        tf.TensorSpec([None, 6, 6, 1], name="image"),
        tf.TensorSpec([None, 2], name="meta"),
        tf.TensorSpec([], name="factor"),
        tf.TensorSpec([], tf.bool, name="training"),
    )


def test_other_inputs_get_zeros_with_a_warning_or_the_given_values(tmp_path):
    path = many_inputs(tmp_path)
    with pytest.warns(UserWarning, match=r"\['factor', 'meta'\] get zeros: give their values with inputs="):
        classifier = sa.Classifier.load(path)
    assert classifier.image_shape == (6, 6, 1)
    np.testing.assert_allclose(classifier.predict(IMAGES), logits(IMAGES), atol=1e-5)
    given = sa.Classifier.load(path, inputs={"factor": 1.0, "meta": [2.0, 3.0]})
    np.testing.assert_allclose(given.predict(IMAGES), 2.0 * logits(IMAGES) + [[5.0, 0.0, 0.0]], atol=1e-5)
    labels = given.predict(IMAGES).argmax(axis=1)
    assert sa.StrAttack(group_size=2)(given, IMAGES, labels).success.all()


def test_values_that_do_not_fit_are_refused(tmp_path):
    path = many_inputs(tmp_path)
    with pytest.raises(sa.InputError, match=r"\(factor, image, meta, training\), received \['age'\]"):
        sa.Classifier.load(path, inputs={"age": 1})
    with pytest.raises(sa.InputError, match=r"expected the input meta of shape \(2,\), or .* received \(3,\)"):
        sa.Classifier.load(path, inputs={"factor": 1.0, "meta": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize("head", ["logits", "softmax"])
def test_a_keras_model_with_an_image_and_a_vector(head):
    keras.utils.set_random_seed(0)
    image, meta = layers.Input((6, 6, 1), name="image"), layers.Input((2,), name="meta")
    joined = layers.Concatenate()([layers.Flatten()(image), meta])
    scores = layers.Dense(3, activation="softmax" if head == "softmax" else None)(joined)
    model = keras.Model({"image": image, "meta": meta}, scores)
    classifier = sa.Classifier.from_keras(model, inputs={"meta": [0.5, -0.5]})
    expected = model({"image": IMAGES, "meta": np.tile([0.5, -0.5], (4, 1))}).numpy()
    ours = classifier.predict(IMAGES)
    assert classifier.outputs == "logits"
    if head == "softmax":
        ours = tf.nn.softmax(ours).numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_two_images_are_refused():
    a, b = layers.Input((6, 6, 1), name="a"), layers.Input((6, 6, 1), name="b")
    model = keras.Model([a, b], layers.Dense(3)(layers.Flatten()(layers.Add()([a, b]))))
    with pytest.raises(sa.InputError, match=r"expected a network with one image input, received \['a', 'b'\]"):
        sa.Classifier.from_keras(model)
    one = sa.Classifier.from_keras(model, inputs={"b": np.ones((6, 6, 1))})
    np.testing.assert_allclose(one.predict(IMAGES), model([IMAGES, np.ones((4, 6, 6, 1))]), atol=1e-5)


class ModelOutput(dict):
    """As Hugging Face's networks return: a dictionary whose entries are attributes too."""

    def __getattr__(self, name):
        return self[name]


def channels_first(pixel_values):
    scores = tf.einsum("nchw,chwk->nk", pixel_values, COLOUR)
    return ModelOutput(logits=scores, hidden_states=pixel_values)


def test_an_export_as_hugging_face_makes_it_takes_images_channels_last(tmp_path):
    photographs = np.random.default_rng(3).uniform(size=(4, 5, 6, 3)).astype(np.float32)
    expected = np.einsum("nhwc,chwk->nk", photographs, COLOUR)
    spec = tf.TensorSpec([None, 3, 5, 6], name="pixel_values")
    path = save(tmp_path / "hf", lambda pixel_values: dict(channels_first(pixel_values)), spec)
    exported = sa.Classifier.load(path)
    assert exported.image_shape == (5, 6, 3)
    direct = sa.Classifier.from_callable(lambda x: channels_first(tf.transpose(x, [0, 3, 1, 2])))
    for classifier in (exported, direct):
        np.testing.assert_allclose(classifier.predict(photographs), expected, atol=1e-4)
        labels = classifier.predict(photographs).argmax(axis=1)
        assert sa.StrAttack()(classifier, photographs, labels, (labels + 1) % 4).success.all()


def quantized(images):
    """As in a quantized export: an operation that only inference has."""
    whole = tf.quantization.quantize(images, 0.0, 1.0, tf.quint8, round_mode="HALF_AWAY_FROM_ZERO")
    return logits(tf.quantization.dequantize(*whole))


@pytest.mark.parametrize(
    ("name", "function", "dtype", "message"),
    [
        ("quantized", quantized, tf.float32, "received: No gradient defined for operation"),
        ("quantized", quantized, tf.float32, "inference-only exports, TFLite conversions"),
        ("rounded", lambda x: logits(tf.round(255 * x)), tf.float32, "expected a gradient from the output"),
        ("integers", lambda x: logits(tf.cast(255 * x, tf.uint8)), tf.float32, "received none"),
        ("uint8", logits, tf.uint8, "received uint8: no gradient flows through integers"),
    ],
)
def test_an_export_without_gradient_is_refused_with_the_reason(tmp_path, name, function, dtype, message):
    path = save(tmp_path / name, function, tf.TensorSpec([None, 6, 6, 1], dtype))
    with pytest.raises(sa.InputError) as error:
        sa.Classifier.load(path).predict(IMAGES)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_export_with_softmax_is_attacked_by_its_log_probabilities(tmp_path):
    path = save(tmp_path / "softmax", lambda x: tf.nn.softmax(0.1 * logits(x)), tf.TensorSpec([None, 6, 6, 1]))
    classifier = sa.Classifier.load(path)
    labels = classifier.predict(IMAGES).argmax(axis=1)
    assert classifier.outputs == "probabilities"
    assert sa.StrAttack()(classifier, IMAGES, labels).success.all()


def test_an_export_of_a_model_with_a_dictionary_of_one_image(tmp_path):
    image = layers.Input((6, 6, 1), name="image")
    model = keras.Model({"image": image}, layers.Dense(3)(layers.Flatten()(image)))
    model.export(tmp_path / "saved", verbose=False)
    expected = model({"image": IMAGES}).numpy()
    np.testing.assert_allclose(sa.Classifier.load(tmp_path / "saved").predict(IMAGES), expected, atol=1e-5)


def test_the_tracing_for_any_batch_size_counts(tmp_path):
    class Called(tf.Module):
        @tf.function
        def __call__(self, images):
            return logits(images)

    called = Called()
    called(tf.constant(IMAGES[:1]))
    called.__call__.get_concrete_function(tf.TensorSpec([None, 6, 6, 1]))
    tf.saved_model.save(called, str(tmp_path / "twice"))
    np.testing.assert_allclose(sa.Classifier.load(tmp_path / "twice").predict(IMAGES), logits(IMAGES), atol=1e-5)


def test_named_outputs_of_a_keras_model_with_several_inputs_keep_their_names():
    image, meta = layers.Input((6, 6, 1), name="image"), layers.Input((2,), name="meta")
    joined = layers.Concatenate()([layers.Flatten()(image), meta])
    model = keras.Model([image, meta], {"box": layers.Dense(4)(joined), "cls": layers.Dense(3)(joined)})
    classifier = sa.Classifier.from_keras(model, inputs={"meta": [0.0, 0.0]}, output="cls")
    expected = model([IMAGES, np.zeros((4, 2))])["cls"]
    np.testing.assert_allclose(classifier.predict(IMAGES), expected, atol=1e-5)


def test_values_for_a_model_that_declares_no_inputs_are_refused():
    class Undeclared(keras.Model):
        def call(self, images):
            return logits(images)

    with pytest.raises(sa.InputError, match="expected inputs= with a model that declares its inputs"):
        sa.Classifier.from_keras(Undeclared(), inputs={"nonsense": 3})
