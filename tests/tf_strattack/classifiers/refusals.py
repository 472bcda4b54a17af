"""What is refused: a mistake, the line that it gets, and the remedy in that line, followed."""

import sys
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import tf_strattack as sa
from tests.tf_strattack.classifiers.networks import (
    IMAGES,
    SIDE,
    OwnCall,
    Subclassed,
    body,
    by_predict,
    dense,
    has_tf_keras,
    of_keras2,
    two_inputs,
    two_outputs,
)

WEIGHTS = np.random.default_rng(0).normal(size=(SIDE * SIDE, 4)).astype(np.float32)
LABELS = np.zeros(len(IMAGES), int)
ATTACK = sa.FGM(norm="l2")
# Name → (mistake, the words of the line, remedy: what `attacked` then attacks, or anything that must not fail).
REFUSALS = {}


def linear(images):
    return tf.reshape(tf.cast(images, tf.float32), [-1, SIDE * SIDE]) @ WEIGHTS


def attacked(network, images=IMAGES):
    """Attacks a network; some example must succeed."""
    classifier = sa.Classifier.from_callable(network) if not isinstance(network, sa.Classifier) else network
    assert ATTACK(classifier, images, classifier.classify(images)).success.any()


def refusal(words, remedy=None):
    """A mistake: a function of a directory, with the words of its line, and its remedy."""

    def register(mistake):
        REFUSALS[mistake.__name__] = (mistake, words, remedy)
        return mistake

    return register


def exported(directory, function, *spec, **signatures):
    module = tf.Module()
    module.classify = tf.function(function, input_signature=spec)
    tf.saved_model.save(module, str(directory), signatures=signatures or module.classify)
    return directory


IMAGE = tf.TensorSpec([None, SIDE, SIDE, 1], name="image")


# Networks without a gradient.


def bytes_model():
    return keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 1), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )


def rebuilt(directory):
    model = bytes_model()
    new = keras.models.clone_model(model, input_tensors=keras.Input((SIDE, SIDE, 1)))
    new.set_weights(model.get_weights())
    np.testing.assert_allclose(new(IMAGES * 0 + 7.0), model(np.full(IMAGES.shape, 7, np.uint8)), rtol=1e-5)
    attacked(sa.Classifier.from_keras(new, bounds=(0, 255)), 255 * IMAGES)


@refusal("expected a floating-point image input, received uint8: no gradient flows through integers", rebuilt)
def keras_model_of_bytes(directory):
    sa.Classifier.from_keras(bytes_model())


@refusal(
    "so export the part of the network behind the conversion",
    lambda directory: attacked(sa.Classifier.load(exported(directory / "behind", lambda image: linear(image), IMAGE))),
)
def saved_model_of_bytes(directory):
    spec = tf.TensorSpec([None, SIDE, SIDE, 1], tf.uint8, name="image")
    sa.Classifier.load(exported(directory / "bytes", lambda image: linear(image), spec))


@refusal("expected a gradient from the output to the image, received none", lambda directory: attacked(linear))
def network_without_gradient(directory):
    attacked(lambda images: tf.stop_gradient(linear(images)))


@refusal(
    "received 0 in every pixel: are the bounds the scale of the network's input?",
    lambda directory: attacked(
        sa.Classifier.from_callable(lambda images: linear(tf.clip_by_value(images, 2, 3)), bounds=(2, 3)), IMAGES + 2
    ),
)
def wrong_bounds(directory):
    attacked(lambda images: linear(tf.clip_by_value(images, 2.0, 3.0)))


@refusal(
    "use model(images, training=False) in place of model.predict, and tf in place of numpy",
    lambda directory: attacked((lambda model: lambda images: model(images, training=False))(body(dense()))),
)
def callable_that_predicts(directory):
    model = body(dense())
    attacked(lambda images: model.predict(images, verbose=0))


@refusal("tf in place of numpy", lambda directory: attacked(linear))
def callable_of_numpy(directory):
    attacked(lambda images: np.asarray(images).reshape(len(images), -1) @ WEIGHTS)


# Networks that are something else from call to call, or in another batch.


@refusal("expected the same output from call to call", lambda directory: attacked(linear))
def random_network(directory):
    attacked(lambda images: linear(tf.nn.dropout(images, 0.5)))


class Normalized(keras.Model):
    def __init__(self, training):
        super().__init__()
        self.normalize, self.inner = layers.BatchNormalization(), body(dense())
        self.of_batch = training

    def call(self, images, training=False):
        return self.inner(self.normalize(images, training=self.of_batch))


@refusal(
    "put batch normalization in inference mode (training=False)",
    lambda directory: attacked(sa.Classifier.from_keras(Normalized(False))),
)
def batch_statistics(directory):
    attacked(sa.Classifier.from_keras(Normalized(True)))


@refusal(
    "take a softmax over the classes (axis=-1)",
    lambda directory: attacked(sa.Classifier.from_keras(body(dense(), lambda: layers.Softmax(axis=-1)))),
)
def softmax_over_the_batch(directory):
    attacked(sa.Classifier.from_keras(body(dense(), lambda: layers.Softmax(axis=0))))


@refusal(
    "expected each row of the output to depend on its own image alone",
    lambda directory: attacked(linear),
)
def mean_of_the_batch(directory):
    attacked(lambda images: linear(images - tf.reduce_mean(images, axis=0)))


# A predict that does more.


class Negative(OwnCall):
    call = keras.Sequential.call

    def predict(self, images, **options):
        return super().predict(1.0 - images, **options)


def by_callable(directory):
    model = Negative(body(dense()).layers)
    classifier = sa.Classifier.from_callable(
        lambda images: model(images, training=False), preprocessing=lambda images: 1.0 - images
    )
    labels = by_predict(model)(IMAGES)
    result = ATTACK(classifier, IMAGES, labels)
    np.testing.assert_array_equal(by_predict(model)(result.adversarial) != labels, result.success)


@refusal("expected a predict that returns what the network computes, received one of Negative", by_callable)
def predict_that_does_more(directory):
    attacked(sa.Classifier.from_keras(Negative(body(dense()).layers)))


class RoundsToBytes(OwnCall):
    call = keras.Sequential.call

    def predict(self, images, **options):
        return super().predict(np.round(255 * images) / 255, **options)


@refusal("expected a predict that returns what the network computes, received one of RoundsToBytes")
def predict_that_rounds(directory):
    attacked(sa.Classifier.from_keras(RoundsToBytes(body(dense()).layers)))


class TakesPaths(OwnCall):
    call = keras.Sequential.call

    def predict(self, path):
        return open(path)


@refusal(
    "attack what it does by Classifier.from_callable(lambda x: model(x, training=False)",
    lambda directory: attacked((lambda model: lambda x: model(x, training=False))(TakesPaths(body(dense()).layers))),
)
def predict_of_something_else(directory):
    attacked(sa.Classifier.from_keras(TakesPaths(body(dense()).layers)))


class Rounds(Subclassed):
    def predict_step(self, data):
        return self(tf.round(4 * data) / 4, training=False)


def by_preprocessing(directory):
    model = Subclassed(dense())
    attacked(
        sa.Classifier.from_callable(
            lambda x: model(x, training=False), preprocessing=lambda x: x + tf.stop_gradient(tf.round(4 * x) / 4 - x)
        )
    )


@refusal("the model's own predict_step, which its predict applies, cuts it: give what it does as", by_preprocessing)
def predict_step_without_gradient(directory):
    attacked(sa.Classifier.from_keras(Rounds()))


class Quantizes(Subclassed):
    def __init__(self):
        super().__init__(dense())
        self.preprocessor = lambda images: tf.round(4 * images) / 4

    def predict(self, images, **options):
        return super().predict(self.preprocessor(images), **options)


@refusal("the model's own preprocessor, which its predict applies, cuts it: give what it does as", by_preprocessing)
def preprocessor_without_gradient(directory):
    attacked(sa.Classifier.from_keras(Quantizes()))


# Inputs and outputs that are to be chosen.


@refusal(
    "expected one output of class scores, received ['box', 'scores']: name one with output=",
    lambda directory: [
        attacked(sa.Classifier.from_keras(two_outputs(lambda *parts: list(parts)), output=which))
        for which in ("scores", 1, -1)
    ],
)
def several_outputs(directory):
    attacked(sa.Classifier.from_keras(two_outputs(lambda *parts: list(parts))))


def two_signatures(directory):
    function = tf.function(lambda image: {"scores": linear(image)}, input_signature=[IMAGE])
    return exported(directory / "two", lambda image: linear(image), IMAGE, a=function, b=function)


@refusal(
    "received ['a', 'b']: name one with signature=",
    lambda directory: attacked(sa.Classifier.from_saved_model(two_signatures(directory), signature="b")),
)
def several_signatures(directory):
    sa.Classifier.load(two_signatures(directory))


class Two(tf.Module):
    @tf.function(input_signature=[IMAGE])
    def __call__(self, image):
        return linear(image)

    @tf.function(input_signature=[IMAGE])
    def serve_another(self, image):
        return {"scores": -linear(image)}


def two_functions(directory):
    module = Two()
    tf.saved_model.save(module, str(directory / "both"), signatures=module.serve_another)
    return directory / "both"


@refusal(
    "choose one by signature='serving_default' or signature='__call__'",
    lambda directory: [
        attacked(sa.Classifier.from_saved_model(two_functions(directory), signature=name))
        for name in ("serving_default", "__call__")
    ],
)
def signature_and_object_that_differ(directory):
    attacked(sa.Classifier.load(two_functions(directory)))


@refusal("received []: save it with signatures=, or as an object that can be called")
def no_signature(directory):
    tf.saved_model.save(tf.Module(), str(directory / "none"))
    sa.Classifier.load(directory / "none")


@refusal(
    "expected data_format='channels_last', as the model's layers say, received 'channels_first'",
    lambda directory: attacked(sa.Classifier.from_keras(body(dense()), data_format="channels_last")),
)
def layout_against_the_layers(directory):
    sa.Classifier.from_keras(body(dense()), data_format="channels_first")


def volume_model(depth=4):
    volume = layers.Input((depth, SIDE, SIDE, 1))
    return keras.Model(volume, layers.Dense(4)(layers.GlobalMaxPooling3D()(layers.Conv3D(4, 3)(volume))))


@refusal(
    "state data_format='volumes' if they are (N, depth, height, width, channels), or",
    lambda directory: sa.Classifier.from_keras(volume_model(), data_format="volumes").predict(
        np.zeros((2, 4 * SIDE, SIDE, 1))
    ),
)
def volumes_without_their_format(directory):
    sa.Classifier.from_keras(volume_model())


@refusal("expected an input (N, depth, height, width, channels) of fixed size with data_format='volumes', received")
def volumes_of_any_depth(directory):
    sa.Classifier.from_keras(volume_model(None), data_format="volumes")


@refusal("expected an input (N, steps, channels) with data_format='series', received one of shape (N, 6, 6, 1)")
def images_called_series(directory):
    sa.Classifier.from_keras(body(dense()), data_format="series")


@refusal(
    "as data_format='volumes' says, received one that does not: reshape the images within a function",
    lambda directory: sa.Classifier.from_callable(
        lambda images: tf.reduce_mean(tf.reshape(images, (-1, 4, 5, 6, 3)), axis=(1, 2, 3))
    ).predict(np.random.default_rng(0).uniform(size=(2, 20, 6, 3))),
)
def volumes_of_a_function(directory):
    sa.Classifier.from_callable(lambda volumes: volumes[:, 0, 0, 0], data_format="volumes")


@refusal(
    "pass series as images, tf_strattack.images.from_series(images)",
    lambda directory: series_classifier().predict(sa.images.from_series(np.zeros((3, 12, 2)))),
)
def series_as_they_are(directory):
    series_classifier().predict(np.zeros((3, 12, 2)))


def series_classifier():
    series = layers.Input((12, 2))
    model = keras.Model(series, layers.Dense(3)(layers.GlobalMaxPooling1D()(layers.Conv1D(4, 3)(series))))
    return sa.Classifier.from_keras(model, data_format="series")


@refusal(
    "expected outputs='probabilities', as the network's last layer says, received 'logits': leave outputs= out",
    lambda directory: attacked(sa.Classifier.from_keras(body(dense(activation="softmax")))),
)
def outputs_against_the_last_layer(directory):
    attacked(sa.Classifier.from_keras(body(dense(activation="softmax")), outputs="logits"))


@refusal(
    "as outputs='probabilities' says, received",
    lambda directory: attacked(sa.Classifier.from_callable(linear, outputs="logits")),
)
def outputs_that_are_no_probabilities(directory):
    attacked(sa.Classifier.from_callable(linear, outputs="probabilities"))


@refusal(
    "received a softmax over one, which is 1 for every image: use a sigmoid",
    lambda directory: attacked(sa.Classifier.from_keras(body(dense(1, "sigmoid")))),
)
def softmax_over_one_class(directory):
    attacked(sa.Classifier.from_keras(body(dense(1, "softmax"))))


def two_images():
    a, b = layers.Input((SIDE, SIDE, 1), name="a"), layers.Input((SIDE, SIDE, 1), name="b")
    return keras.Model([a, b], layers.Dense(4)(layers.Flatten()(layers.Add()([a, b]))))


@refusal(
    "expected a network with one image input, received ['a', 'b']: give the others values with inputs=",
    lambda directory: attacked(sa.Classifier.from_keras(two_images(), inputs={"b": IMAGES[0]})),
)
def several_images(directory):
    sa.Classifier.from_keras(two_images())


@refusal(
    "expected 3 images, one for each row of inputs=, received 12",
    lambda directory: attacked(sa.Classifier.from_keras(two_inputs(), inputs={"meta": np.zeros((12, 2))})),
)
def other_number_of_rows(directory):
    attacked(sa.Classifier.from_keras(two_inputs(), inputs={"meta": np.zeros((3, 2))}))


@refusal(
    "received the fixed batch size 1: export it with a batch axis of None",
    lambda directory: attacked(sa.Classifier.load(exported(directory / "any", lambda image: linear(image), IMAGE))),
)
def one_image_at_a_time(directory):
    spec = tf.TensorSpec([1, SIDE, SIDE, 1], name="image")
    sa.Classifier.load(exported(directory / "one", lambda image: linear(image), spec))


FLAT_ROWS = np.random.default_rng(0).uniform(size=(2, 40, 8, 40)).astype(np.float32)


def wide_rows(directory, **options):
    model = keras.Sequential([layers.Input((1, 40, 40)), layers.Flatten(), layers.Dense(3)])
    model.export(directory / "wide", verbose=False)
    return sa.Classifier.load(directory / "wide", **options)


@refusal(
    "if the network's channels lie elsewhere, state data_format=",
    lambda directory: attacked(
        sa.Classifier.from_keras(
            keras.Sequential([layers.Input((8, 40, 40)), layers.Flatten(), layers.Dense(3)]),
            data_format="channels_first",
        ),
        FLAT_ROWS.transpose(0, 1, 3, 2),
    ),
)
def channels_elsewhere(directory):
    model = keras.Sequential([layers.Input((8, 40, 40)), layers.Flatten(), layers.Dense(3)])
    attacked(sa.Classifier.from_keras(model), FLAT_ROWS.transpose(0, 1, 3, 2))


# Options.


@refusal(
    "state the scale of the images, (0, 1), and pass preprocessing=lambda images: (images - mean) / std",
    lambda directory: attacked(
        sa.Classifier.from_callable(linear, bounds=(0, 1), preprocessing=lambda images: (images - [0.4]) / [0.2])
    ),
)
def bounds_by_channel(directory):
    sa.Classifier.from_callable(linear, bounds=([0.0, 0.0], [1.0, 1.0]))


@refusal(
    "expected preprocessing to be a function, such as preprocessing=lambda images: (images - mean) / std",
    lambda directory: attacked(sa.Classifier.from_callable(linear, preprocessing=lambda images: (images - 0.4) / 0.2)),
)
def preprocessing_that_is_no_function(directory):
    sa.Classifier.from_callable(linear, preprocessing="rescale")


# What is no classifier.


@refusal(
    "received 'net.keras': Classifier.load('net.keras')",
    lambda directory: (body(dense()).save(directory / "n.keras"), attacked(sa.Classifier.load(directory / "n.keras"))),
)
def path_in_place_of_a_classifier(directory):
    ATTACK("net.keras", IMAGES, LABELS)


@refusal(
    "expected a Classifier or a Keras model, received function: Classifier.from_callable(function, bounds=(0, 1))",
    lambda directory: attacked(sa.Classifier.from_callable(linear, bounds=(0, 1))),
)
def function_in_place_of_a_classifier(directory):
    ATTACK(linear, IMAGES, LABELS)


@refusal("received type: pass an instance, Subclassed(...)", lambda directory: ATTACK(Subclassed(), IMAGES, LABELS))
def class_in_place_of_a_classifier(directory):
    sa.interpret.asm(Subclassed, IMAGES, LABELS, LABELS + 1)


# Files.


def reloaded(directory):
    model = body(dense())
    model.save_weights(directory / "w.weights.h5")
    again = body(dense())
    again.load_weights(directory / "w.weights.h5")
    attacked(sa.Classifier.from_keras(again))


@refusal("which holds weights alone: make the model, model.load_weights(path)", reloaded)
def weights_alone(directory):
    body(dense()).save_weights(directory / "w.weights.h5")
    sa.Classifier.load(directory / "w.weights.h5")


@refusal("which cannot be read: it is neither an archive of Keras nor HDF5")
def text_as_a_model(directory):
    (directory / "net.keras").write_text("no model")
    sa.Classifier.load(directory / "net.keras")


if has_tf_keras:

    def converted(directory):
        import tf_keras

        of_keras2().save(directory / "old.h5", save_format="h5")
        tf_keras.models.load_model(str(directory / "old.h5"), compile=False).export(directory / "saved_model")
        attacked(sa.Classifier.load(directory / "saved_model"))

    @refusal("as Keras 2 made it", converted)
    def file_that_only_keras_2_reads(directory):
        import h5py

        of_keras2().save(directory / "old.h5", save_format="h5")
        with h5py.File(directory / "old.h5", "a") as file:  # a layer that Keras 3 does not know
            file.attrs["model_config"] = file.attrs["model_config"].replace('"Dense"', '"OldDense"')
        sa.Classifier.load(directory / "old.h5")


@keras.saving.register_keras_serializable("tests")
class Doubled(layers.Dense):
    def call(self, inputs, training=None):
        return 2 * super().call(inputs)


def exported_with_its_layer(directory):
    body(lambda: Doubled(4)).export(directory / "saved_model", verbose=False)
    attacked(sa.Classifier.load(directory / "saved_model"))


@refusal("or export it, model.export('saved_model'), and load that", exported_with_its_layer)
def file_of_a_layer_that_is_not_there(directory):
    body(lambda: Doubled(4)).save(directory / "own.keras")
    registered = keras.saving.get_custom_objects()
    kept = registered.pop("tests>Doubled")
    try:
        with keras.saving.custom_object_scope({"tests>Doubled": None}):
            sa.Classifier.load(directory / "own.keras")
    finally:
        registered["tests>Doubled"] = kept


@refusal("which cannot be read")
def file_that_was_cut_off(directory):
    body(dense()).save(directory / "whole.h5")
    (directory / "cut").write_bytes((directory / "whole.h5").read_bytes()[:3000])
    sa.Classifier.load(directory / "cut")


@refusal('expected PyTorch, received none: pip install "tf-strattack[torch]"')
def module_without_pytorch(directory):
    with mock.patch.dict(sys.modules, {"torch": None}):
        sa.Classifier.from_torch(linear)


# What a network returns.


@refusal("expected class scores in floating point, received int64", lambda directory: attacked(linear))
def class_numbers(directory):
    attacked(lambda images: tf.argmax(linear(images), axis=1))


@refusal(
    "pass a function that returns (N, classes) to Classifier.from_callable",
    lambda directory: attacked(lambda images: tf.reduce_sum(images[:, 1:3, :2, 0] * 2, axis=2) - 1.0),
)
def maps_of_scores(directory):
    attacked(lambda images: images[:, 1:3, :2, 0] - 0.5)


@refusal("expected a network that takes images of shape (16, 6, 6, 1), received: Input to reshape is a tensor with 576")
def network_of_other_images(directory):
    attacked(lambda images: tf.reshape(images, [-1, 35]))


@refusal("expected axis -1 of input shape to have value 3, but received input with shape")
def network_of_colour(directory):
    image = layers.Input((None, None, 3))
    model = keras.Model(image, layers.Dense(4)(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(image))))
    attacked(lambda images: model(images, training=False))
