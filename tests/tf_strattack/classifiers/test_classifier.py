"""Every kind of model that a user may have, and every message that a bad one or a bad input gets."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tf_strattack as sa
from tests.builders import brief

IMAGES = np.random.default_rng(0).uniform(size=(5, 6, 6, 1)).astype(np.float32)


def small_model(head="logits", **options):
    keras.utils.set_random_seed(0)
    body = [layers.Input((6, 6, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Dropout(0.5), layers.Flatten()]
    heads = {
        "logits": [layers.Dense(3)],
        "dense_softmax": [layers.Dense(3, activation="softmax")],
        "softmax_layer": [layers.Dense(3), layers.Softmax()],
        "activation_layer": [layers.Dense(3), layers.Activation("softmax")],
    }
    return keras.Sequential(body + heads[head], **options)


class Subclassed(keras.Model):
    def __init__(self, inner, wrap=lambda logits: logits):
        super().__init__()
        self.inner, self.wrap = inner, wrap

    def call(self, images, training=False):
        return self.wrap(self.inner(images, training=training))


class WithLogits:
    def __init__(self, logits):
        self.logits = logits


@pytest.mark.parametrize("head", ["dense_softmax", "softmax_layer", "activation_layer"])
@pytest.mark.parametrize("functional", [True, False])
def test_a_softmax_head_is_turned_back_into_logits(head, functional):
    logits_model, model = small_model(), small_model(head)
    model.set_weights(logits_model.get_weights())
    model.set_weights([50 * w for w in model.get_weights()])
    logits_model.set_weights(model.get_weights())  # large weights: the softmax itself saturates
    if functional:
        model = keras.Model(model.inputs, model.outputs)
    classifier = sa.Classifier.from_keras(model)
    np.testing.assert_allclose(classifier.predict(IMAGES), logits_model(IMAGES, training=False), rtol=1e-5, atol=1e-4)
    assert classifier.outputs == "logits"
    assert isinstance(model.layers[-1], type(small_model(head).layers[-1])), "the user's model is left as it was"
    np.testing.assert_allclose(np.sum(model(IMAGES), axis=1), 1.0, rtol=1e-5)


def test_probabilities_become_log_probabilities_with_the_same_margins():
    model = small_model()
    classifier = sa.Classifier.from_callable(lambda x: tf.nn.softmax(model(x, training=False)))
    ours, logits = classifier.predict(IMAGES), model(IMAGES, training=False).numpy()
    assert classifier.outputs == "probabilities"
    np.testing.assert_allclose(ours - ours[:, :1], logits - logits[:, :1], atol=1e-5)


def test_saturated_probabilities_warn():
    model = small_model()
    bias = tf.constant([0.0, 0.0, -200.0])  # exp(-200) is 0 in float32
    classifier = sa.Classifier.from_callable(lambda x: tf.nn.softmax(model(x, training=False) + bias))
    with pytest.warns(UserWarning, match="on 5 of 5 images some are 0 or 1.*pass a model that returns logits"):
        classifier.predict(IMAGES)


def every_kind(tmp_path):
    model = small_model()
    keras.Model.export(model, tmp_path / "keras_export", verbose=False)
    model.save(tmp_path / "model.keras")

    class Module(tf.Module):
        def __init__(self):
            self.model = model

        @tf.function(input_signature=[tf.TensorSpec([None, 6, 6, 1])])
        def __call__(self, images):
            return self.model(images, training=False)

        @tf.function(input_signature=[tf.TensorSpec([None, 6, 6, 1], name="photo")])
        def named(self, photo):
            return {"logits": self.model(photo, training=False), "features": photo}

    module = Module()
    module(IMAGES)
    tf.saved_model.save(module, str(tmp_path / "callable"))
    only_signature = tf.Module()
    only_signature.kept = module.model
    tf.saved_model.save(only_signature, str(tmp_path / "signature"), signatures={"classify": module.named})
    kinds = {
        "sequential": sa.Classifier.from_keras(model),
        "functional": sa.Classifier.from_keras(keras.Model(model.inputs, model.outputs)),
        "subclassed": sa.Classifier.from_keras(Subclassed(model)),
        "keras_file": sa.Classifier.load(tmp_path / "model.keras"),
        "keras_export": sa.Classifier.load(tmp_path / "keras_export"),
        "callable_object": sa.Classifier.load(tmp_path / "callable"),
        "signature_dict": sa.Classifier.load(tmp_path / "signature"),
        "named_signature": sa.Classifier.from_saved_model(tmp_path / "signature", signature="classify"),
        "callable": sa.Classifier.from_callable(lambda x: model(x, training=False)),
        "one_entry_dict": sa.Classifier.from_callable(lambda x: {"scores": model(x, training=False)}),
        "list_of_one": sa.Classifier.from_callable(lambda x: [model(x, training=False)]),
        "logits_attribute": sa.Classifier.from_callable(lambda x: WithLogits(model(x, training=False))),
        "named_output": sa.Classifier.from_callable(lambda x: {"a": x, "b": model(x, training=False)}, output="b"),
    }
    return model(IMAGES, training=False).numpy(), kinds


@pytest.mark.slow
def test_every_kind_of_model_gives_the_same_logits_and_gradient(tmp_path):
    expected, kinds = every_kind(tmp_path)
    for name, classifier in kinds.items():
        np.testing.assert_allclose(classifier.predict(IMAGES), expected, atol=1e-5, err_msg=name)
        result = brief(3, refine=False)(classifier, IMAGES, expected.argmax(axis=1))
        assert len(result) == 5, name


def test_preprocessing_and_bounds():
    model = small_model()
    classifier = sa.Classifier.from_keras(model, bounds=(0, 255), preprocessing=lambda x: x / 255.0)
    np.testing.assert_allclose(classifier.predict(IMAGES * 255), model(IMAGES, training=False), atol=1e-5)
    assert classifier.predict((IMAGES * 255).astype(np.uint8)).shape == (5, 3)
    with pytest.raises(sa.InputError, match=r"within the classifier's bounds \[0, 255\]"):
        classifier.predict(IMAGES * 256 * 1.2)


def test_models_that_cannot_be_attacked_are_refused():
    flat = tf.constant(np.random.default_rng(0).normal(size=(36, 3)), tf.float32)

    def logits(x):
        return tf.reshape(x, [-1, 36]) @ flat

    cases = {
        "expected a gradient from the output to the image, received none": lambda x: tf.stop_gradient(logits(x)),
        "received 0 in every pixel": lambda x: logits(tf.clip_by_value(x, 2.0, 3.0)),
        "expected the same output from call to call": lambda x: logits(tf.nn.dropout(x, 0.5)),
        "expected an output of shape (N, classes) = (16, 1 or more), received (16, 6, 6, 1)": lambda x: x,
        "expected finite logits, received NaN or infinity": lambda x: logits(x) * np.nan,
        "expected a finite gradient": lambda x: logits(x + tf.sqrt(x - tf.stop_gradient(x))),
        "expected one output of class scores, received ['a', 'b']": lambda x: {"a": logits(x), "b": logits(x)},
        "expected one output of class scores, received [0, 1]: name one with output=": lambda x: [logits(x), logits(x)],
        "expected a network that takes images of shape (16, 6, 6, 1)": lambda x: tf.reshape(x, [-1, 35]) @ flat,
    }
    for message, function in cases.items():
        with pytest.raises(sa.InputError) as error:
            sa.Classifier.from_callable(function).predict(IMAGES)
        assert message in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[0], "expected images of shape (N, 6, 6, 1), received (6, 6, 1): add a first axis, [None], to a single"),
        (IMAGES[:, :5], "expected images of shape (N, 6, 6, 1), received (5, 5, 6, 1)"),
        (np.repeat(IMAGES, 3, axis=3), "expected images of shape (N, 6, 6, 1), received (5, 6, 6, 3)"),
        (IMAGES * 255, "rescale them, or state their scale as bounds"),
        (IMAGES - 0.5, "expected images within the classifier's bounds [0, 1], received values from -0.4"),
        (IMAGES * np.nan, "expected finite images, received NaN or infinity in 5 rows, the first is 0"),
        (IMAGES.astype(str), "expected images of numbers, received dtype"),
        ([[1], [1, 2]], "expected images as one array, received rows of different shapes"),
    ],
)
def test_bad_images_are_refused(images, message):
    with pytest.raises(sa.InputError) as error:
        sa.Classifier.from_keras(small_model()).predict(images)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0, 1, 2, 0],), {}, "expected labels of shape (5,), one for each image, received (4,)"),
        (([0, 1, 2, 0, 3],), {}, "expected labels from 0 to 2, received 3 in row 4"),
        (([0, 1, 2, 0, -1],), {}, "expected labels from 0 to 2, received -1 in row 4"),
        ((np.eye(5, 3),), {}, "expected labels of shape (5,), class numbers, received (5, 3): argmax(axis=1)"),
        (([0.0] * 5,), {}, "expected integer labels, received dtype float64"),
        (([0] * 5, [1, 1, 1, 1, 7]), {}, "expected targets from 0 to 2, received 7 in row 4"),
        (([0] * 5, [1, 0, 1, 0, 1]), {}, "expected targets other than the labels, received equal ones in 2 rows"),
        (([0] * 5,), {"batch_size": 0}, "expected batch_size to be a whole number of at least 1, received 0"),
        (([0] * 5,), {"mask": np.ones((3, 3))}, "expected a mask of shape (6, 6) or (5, 6, 6, 1), received (3, 3)"),
        (([0] * 5,), {"mask": np.full((6, 6), 0.5)}, "expected a mask of booleans"),
    ],
)
def test_bad_labels_targets_and_options_are_refused(arguments, options, message):
    classifier = sa.Classifier.from_keras(small_model())
    with pytest.raises(sa.InputError) as error:
        sa.StrAttack()(classifier, IMAGES, *arguments, **options)
    assert message in str(error.value)


def test_bad_files_and_options_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "corrupt").mkdir()
    (tmp_path / "corrupt" / "saved_model.pb").write_bytes(b"not a model")
    (tmp_path / "corrupt.keras").write_bytes(b"not a model")
    (tmp_path / "text.txt").write_text("no model")
    cases = {
        "absent": "expected a Keras file or a SavedModel directory, received .* which does not exist",
        "empty": "which has no saved_model.pb",
        "corrupt": "which cannot be read",
        "corrupt.keras": "which cannot be read",
        "text.txt": "expected a Keras file or a SavedModel directory",
        "model.tflite": "TFLite keeps none; pass the model that it was converted from",
    }
    for name, message in cases.items():
        with pytest.raises(sa.InputError, match=message) as error:
            sa.Classifier.load(tmp_path / name)
        assert "\n" not in str(error.value)
    function = small_model()
    for bounds in [(1, 0), (0, np.inf), 3, (0, 1, 2)]:
        with pytest.raises(sa.InputError, match="bounds"):
            sa.Classifier.from_callable(function, bounds=bounds)
    with pytest.raises(sa.InputError, match=r"expected outputs to be one of logits, .* received 'softmax'"):
        sa.Classifier.from_callable(function, outputs="softmax")
    with pytest.raises(sa.InputError, match=r"expected a keras.Model, received int"):
        sa.Classifier.from_keras(3)
    with pytest.raises(sa.InputError, match="expected a callable, received int"):
        sa.Classifier.from_callable(3)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_python_code_in_a_model_file_is_not_run(tmp_path, suffix):
    ran = []
    inputs = keras.Input((6, 6, 1))
    changed = keras.layers.Lambda(lambda images: ran.append("code") or images * 2)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(changed)))
    path = tmp_path / f"model{suffix}"
    model.save(path)
    ran.clear()
    with pytest.raises(sa.InputError, match="holds Python code, which Keras's safe mode refuses") as error:
        sa.Classifier.load(path)
    assert "\n" not in str(error.value)
    assert not ran
    trusted = keras.saving.load_model(path, safe_mode=False)
    assert sa.Classifier.from_keras(trusted).predict(IMAGES).shape == (len(IMAGES), 3)


def save(path, function, spec):
    module = tf.Module()
    module.classify = tf.function(function, input_signature=spec)
    tf.saved_model.save(module, str(path), signatures=module.classify)
    return path


def test_signatures_that_do_not_fit_are_refused(tmp_path):
    weights = tf.constant(np.random.default_rng(0).normal(size=(36, 3)), tf.float32)

    def logits(x):
        return tf.reshape(tf.cast(x, tf.float32), [-1, 36]) @ weights

    image = [None, 6, 6, 1]
    cases = {
        "several": (lambda x: {"a": logits(x), "b": logits(x)}, [tf.TensorSpec(image)], "received ['a', 'b']"),
        "uint8": (lambda x: {"y": logits(x)}, [tf.TensorSpec(image, tf.uint8)], "received uint8"),
        "fixed": (lambda x: {"y": logits(x)}, [tf.TensorSpec([1, 6, 6, 1])], "the fixed batch size 1"),
        "two": (
            lambda x, z: {"y": logits(x) + logits(z)},
            [tf.TensorSpec(image, name="x"), tf.TensorSpec(image, name="z")],
            "expected a network with one image input, received ['x', 'z']: give the others values with inputs=",
        ),
    }
    for name, (function, spec, message) in cases.items():
        with pytest.raises(sa.InputError) as error:
            sa.Classifier.load(save(tmp_path / name, function, spec)).predict(IMAGES)
        assert message in str(error.value), name
    with pytest.raises(sa.InputError, match=r"expected signature to be one of \['serving_default'\], received 'x'"):
        sa.Classifier.from_saved_model(tmp_path / "several", signature="x")
    chosen = sa.Classifier.from_saved_model(tmp_path / "several", output="b")
    np.testing.assert_allclose(chosen.predict(IMAGES), logits(IMAGES), atol=1e-5)


def test_the_shipped_network_is_what_its_card_says(mnist):
    images, labels, indices = sa.shipped.load_sample()
    assert images.shape == (500, 28, 28, 1)
    assert len(set(indices)) == 500
    card = sa.shipped.load_card()
    assert card["test_accuracy"] >= 0.994
    assert (mnist.predict(images).argmax(axis=1) == labels).mean() > 0.98
    with pytest.raises(sa.InputError, match="expected the name of a shipped network to be one of mnist_cnn"):
        sa.shipped.load_classifier("vgg")


def test_the_shipped_network_reaches_its_accuracy_on_the_whole_test_set(mnist, shared):
    import tensorflow_datasets as tfds

    pairs = tfds.load(
        "mnist", split="test", data_dir=str(shared / "tfds"), download=False, as_supervised=True, batch_size=-1
    )
    images, labels = tfds.as_numpy(pairs)
    accuracy = (mnist.predict(images / np.float32(255)).argmax(axis=1) == labels).mean()
    assert accuracy == pytest.approx(sa.shipped.load_card()["test_accuracy"], abs=1e-6)
