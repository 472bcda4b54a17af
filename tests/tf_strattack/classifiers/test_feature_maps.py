"""Class activation of every kind of Keras model: against logits, by hand, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tf_strattack as sa
from tests.builders import linear_network
from tf_strattack import interpret


def pooled_model(head="logits", inputs=(8, 8, 3), between=()):
    keras.utils.set_random_seed(1)
    dense = {
        "logits": [layers.Dense(4)],
        "softmax": [layers.Dense(4, activation="softmax")],
        "layer": [layers.Dense(4), layers.Softmax()],
    }
    body = [layers.Input(inputs), layers.Conv2D(5, 3, padding="same", activation="relu", name="features")]
    return keras.Sequential([*body, layers.GlobalAveragePooling2D(), *between, *dense[head]])


COLOURS = np.random.default_rng(3).uniform(size=(6, 8, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("head", ["logits", "softmax", "layer"])
def test_the_mean_of_a_cam_and_the_bias_are_the_logit(head):
    model = pooled_model(head, between=[layers.Dropout(0.5)])
    bias = np.array([0.5, -1.0, 2.0, 0.0], np.float32)
    dense = next(layer for layer in model.layers if isinstance(layer, layers.Dense))
    dense.bias.assign(bias)
    classifier = sa.Classifier.from_keras(model)
    logits = classifier.predict(COLOURS)
    for label in range(4):
        maps = interpret.cam(classifier, COLOURS, np.full(6, label))
        assert maps.shape == (6, 8, 8)
        np.testing.assert_allclose(maps.mean(axis=(1, 2)) + bias[label], logits[:, label], rtol=1e-4, atol=1e-5)


def test_a_cam_worked_by_hand():
    # Two maps of four places each, the image itself and its negative; class 0 weighs them 1 and 0, class 1 2 and 3.
    model = keras.Sequential(
        [
            layers.Input((2, 2, 1)),
            layers.Conv2D(2, 1, use_bias=False),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, use_bias=False),
        ]
    )
    model.layers[0].kernel.assign(np.array([1.0, -1.0]).reshape(1, 1, 1, 2))
    model.layers[-1].kernel.assign(np.array([[1.0, 2.0], [0.0, 3.0]]))
    classifier = sa.Classifier.from_keras(model)
    image = np.array([0.1, 0.2, 0.3, 0.4], np.float32).reshape(1, 2, 2, 1)
    np.testing.assert_allclose(interpret.cam(classifier, image, [0])[0], image[0, ..., 0], rtol=1e-6)
    np.testing.assert_allclose(interpret.cam(classifier, image, [1])[0], -image[0, ..., 0], rtol=1e-6)


def test_grad_cam_of_a_pooled_network_is_the_positive_part_of_its_cam():
    classifier = sa.Classifier.from_keras(pooled_model("softmax"))
    labels = np.arange(6) % 4
    exact_maps = interpret.cam(classifier, COLOURS, labels)
    ours = interpret.grad_cam(classifier, COLOURS, labels)
    assert (ours > 0).any()
    # The derivative of the logit by a map is the weight over the number of places.
    np.testing.assert_allclose(ours, np.maximum(exact_maps, 0) / 64, rtol=1e-4, atol=1e-7)


def test_grad_cam_of_a_shipped_network_is_its_definition(digits):
    images, labels, _ = (part[::9] for part in digits)
    model = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"))
    classifier = sa.Classifier.from_keras(model)
    last = max(number for number, layer in enumerate(model.layers) if isinstance(layer, layers.Conv2D))
    maps = keras.Sequential(model.layers[: last + 1])(images)
    rest = keras.Sequential(model.layers[last + 1 :])
    with tf.GradientTape() as tape:
        tape.watch(maps)
        scores = tf.gather(rest(maps, training=False), labels, batch_dims=1)
    gradient = tape.gradient(scores, maps).numpy()
    small = np.maximum((gradient.mean(axis=(1, 2), keepdims=True) * maps.numpy()).sum(axis=-1), 0)
    expected = tf.image.resize(small[..., None], (28, 28))[..., 0].numpy()
    ours = interpret.grad_cam(classifier, images, labels)
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-5 * expected.max())
    by_name = interpret.grad_cam(classifier, images, labels, layer=model.layers[last].name)
    np.testing.assert_array_equal(ours, by_name)
    other = interpret.grad_cam(classifier, images, labels, layer=model.layers[0].name)
    assert not np.allclose(ours, other)


def test_maps_are_of_the_network_as_it_is_used():
    """Preprocessing, other inputs and another scale are those of the classifier."""
    model = pooled_model()
    image, switch = layers.Input((8, 8, 3), name="image"), layers.Input((1,), name="weight")
    whole = keras.Model([image, switch], model(image) * switch)
    plain = sa.Classifier.from_keras(model, preprocessing=lambda x: x / 255.0, bounds=(0, 255))
    labels = np.arange(6) % 4
    expected = interpret.cam(sa.Classifier.from_keras(model), COLOURS, labels)
    np.testing.assert_allclose(interpret.cam(plain, COLOURS * 255, labels), expected, rtol=1e-4, atol=1e-5)
    features = sa.Classifier.from_keras(whole, inputs={"weight": [2.0]}, output=None)
    with pytest.raises(sa.InputError, match="expected a dense layer at the end for cam, received Multiply"):
        interpret.cam(features, COLOURS, labels)


@pytest.mark.slow
def test_a_cam_of_a_real_network_explains_its_logits(shared_networks):
    model = keras.saving.load_model(shared_networks / "models" / "efficientnet_lite0.keras")
    classifier = sa.Classifier.from_keras(model)
    images = np.random.default_rng(0).uniform(size=(2, 224, 224, 3)).astype(np.float32)
    logits = classifier.predict(images)
    found = classifier.feature_maps(pooled=True)
    maps, scores = found.network(tf.constant(images))
    np.testing.assert_allclose(scores, logits, rtol=1e-3, atol=1e-3)
    bias = model.layers[-1].bias.numpy()
    np.testing.assert_allclose(
        np.einsum("nhwf,fk->nk", maps, found.kernel.numpy()) / 49 + bias, logits, rtol=1e-3, atol=1e-3
    )
    labels = logits.argmax(axis=1)
    upscaled = interpret.cam(classifier, images, labels)
    assert upscaled.shape == (2, 224, 224)
    # Bilinear upscaling leaves the mean nearly as it is.
    means = upscaled.mean(axis=(1, 2)) + bias[labels]
    np.testing.assert_allclose(means, logits.max(axis=1), atol=0.1 * np.abs(upscaled).max())


def test_preprocessing_makes_no_feature_maps():
    inner = pooled_model()
    outside = layers.Input((8, 8, 3))
    nested = sa.Classifier.from_keras(keras.Model(outside, inner(layers.Rescaling(2.0)(outside))))
    with pytest.raises(sa.InputError, match="expected the convolutions in the model itself, received them within"):
        interpret.grad_cam(nested, COLOURS, [0] * 6)
    base = keras.Sequential(inner.layers[:1], name="base")
    transfer = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Rescaling(2.0),
            base,
            layers.GlobalAveragePooling2D(),
            layers.Dense(4),
        ]
    )
    classifier = sa.Classifier.from_keras(transfer)
    assert classifier.feature_maps().layer == "base"
    labels = np.arange(6) % 4
    ours, exact_maps = interpret.grad_cam(classifier, COLOURS, labels), interpret.cam(classifier, COLOURS, labels)
    np.testing.assert_allclose(ours, np.maximum(exact_maps, 0) / 64, rtol=1e-4, atol=1e-7)


def test_the_last_maps_are_those_behind_all_others():
    image = layers.Input((8, 8, 3))
    early = layers.Conv2D(3, 3, name="early")(image)
    late = layers.Conv2D(3, 3, name="late")(layers.Conv2D(3, 3)(early))
    joined = layers.Concatenate()(
        [layers.GlobalAveragePooling2D()(early), layers.Flatten()(layers.MaxPooling2D()(late))]
    )
    classifier = sa.Classifier.from_keras(keras.Model(image, layers.Dense(4)(joined)))
    assert classifier.feature_maps().layer == "late"


def test_channels_first_is_refused():
    model = keras.Sequential(
        [
            layers.Input((3, 8, 10)),
            layers.Conv2D(4, 3, data_format="channels_first"),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(data_format="channels_first"),
            layers.Dense(4),
        ]
    )
    for pooled in (False, True):
        with pytest.raises(sa.InputError, match=r"expected feature maps \(N, h, w, F\), received"):
            sa.Classifier.from_keras(model).feature_maps(pooled=pooled)


def test_a_softmax_counts_once_however_the_model_was_built():
    built = pooled_model("softmax")
    lazy = keras.Sequential(built.layers)
    assert not lazy.built
    labels = np.arange(6) % 4
    expected = interpret.grad_cam(sa.Classifier.from_keras(built), COLOURS, labels)
    np.testing.assert_allclose(interpret.grad_cam(sa.Classifier.from_keras(lazy), COLOURS, labels), expected, rtol=1e-4)
    stated = sa.Classifier.from_keras(built, outputs="probabilities")
    np.testing.assert_allclose(interpret.grad_cam(stated, COLOURS, labels), expected, rtol=1e-4)
    np.testing.assert_allclose(stated.predict(COLOURS), sa.Classifier.from_keras(built).predict(COLOURS), rtol=1e-4)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_maps_of_lower_precision_are_the_same_but_for_rounding(precision):
    model = pooled_model()
    keras.config.set_dtype_policy(precision)
    try:
        mixed = pooled_model()
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(model.get_weights())
    labels = np.arange(6) % 4
    for function in (interpret.cam, interpret.grad_cam):
        exact_maps = function(sa.Classifier.from_keras(model), COLOURS, labels)
        ours = function(sa.Classifier.from_keras(mixed), COLOURS, labels)
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, exact_maps, atol=0.03 * np.abs(exact_maps).max())


def test_one_of_several_outputs_is_explained():
    image = layers.Input((8, 8, 3))
    inner = pooled_model()
    maps = inner.layers[0](image)
    scores = inner.layers[-1](layers.GlobalAveragePooling2D()(maps))
    several = keras.Model(image, {"other": layers.Flatten()(maps), "logits": scores})
    labels = np.arange(6) % 4
    ours = interpret.cam(sa.Classifier.from_keras(several, output="logits"), COLOURS, labels)
    np.testing.assert_allclose(ours, interpret.cam(sa.Classifier.from_keras(inner), COLOURS, labels), rtol=1e-5)


def test_networks_without_such_layers_are_refused(mnist, digits, tmp_path):
    images, labels, _ = (part[:2] for part in digits)
    with pytest.raises(sa.InputError, match="in front of the last dense layer for cam, received Dense 'dense_1'"):
        interpret.cam(mnist, images, labels)
    with pytest.raises(sa.InputError, match=r"expected layer= to be one with feature maps, of conv2d, .* received 'x'"):
        interpret.grad_cam(mnist, images, labels, layer="x")
    with pytest.raises(sa.InputError, match=r"expected layer= to be one with feature maps, of conv2d, .*'flatten'"):
        interpret.grad_cam(mnist, images, labels, layer="flatten")
    _, linear, pictures, classes, _ = linear_network(16)
    for function in (interpret.cam, interpret.grad_cam):
        with pytest.raises(sa.InputError, match="expected a Keras model, whose layers can be seen"):
            function(linear, pictures, classes)

    class Subclassed(keras.Model):
        def call(self, images):
            return tf.reduce_mean(images, axis=[1, 2]) - 0.5

    with pytest.raises(sa.InputError, match="received Subclassed without declared inputs"):
        interpret.grad_cam(sa.Classifier.from_keras(Subclassed()), COLOURS, [0] * 6)
    flat = keras.Sequential([layers.Input((8, 8, 3)), layers.Flatten(), layers.Dense(4)])
    with pytest.raises(sa.InputError, match=r"of a convolution, received the layers .*, flatten.*, dense"):
        interpret.grad_cam(sa.Classifier.from_keras(flat), COLOURS, [0] * 6)
