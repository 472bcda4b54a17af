"""Networks as users have them, each with what its owner would say of an image: the cases of test_own_network.py."""

import importlib.util

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import tf_strattack as sa

SIDE, COUNT = 6, 12
IMAGES = np.random.default_rng(0).uniform(0.1, 0.9, size=(COUNT, SIDE, SIDE, 1)).astype(np.float32)
has_tf_keras = importlib.util.find_spec("tf_keras") is not None
has_keras_hub = importlib.util.find_spec("keras_hub") is not None

# Name → function of a directory that makes a Case.
CASES = {}


class Case:
    """A network, as it is passed to an attack, with images, and its owner's class of them: for a batch, and alone.

    `network` is a classifier or a model; `owner` are functions from images to class numbers (N,), which take all of
    them, `in_order`, where another input has a row for each.
    """

    def __init__(self, network, *owner, images=IMAGES, in_order=False):
        self.network, self.owner, self.images, self.in_order = network, owner, images, in_order


def case(function):
    CASES[function.__name__] = function
    return function


def body(*head, policy="float32", scale=2.0, shape=(SIDE, SIDE, 1)):
    """A small network with a convolution, and `head` at its end."""
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy(policy)
    try:
        model = keras.Sequential(
            [
                layers.Input(shape),
                layers.Conv2D(6, 3, activation="relu"),
                layers.Flatten(),
                layers.Dense(16, activation="relu"),
                *(make() for make in head),
            ]
        )
    finally:
        keras.config.set_dtype_policy("float32")
    model.set_weights([scale * weight for weight in model.get_weights()])
    return model


def dense(units=4, activation=None, **options):
    return lambda: layers.Dense(units, activation=activation, **options)


def classes(scores):
    """The class that an owner reads off scores: argmax, or of one score whether it is above a half."""
    scores = np.asarray(tf.cast(tf.convert_to_tensor(scores), tf.float32))
    scores = scores[:, None] if scores.ndim == 1 else scores
    return scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0.5).astype(int)


def by_predict(model, change=lambda images: images):
    return lambda images: classes(model.predict(change(images), verbose=0))


def by_call(model, change=lambda images: images):
    return lambda images: classes(model(change(images), training=False))


def of_keras(model, **options):
    return Case(sa.Classifier.from_keras(model, **options), by_predict(model), by_call(model))


def of_callable(function, owner=None, images=IMAGES, **options):
    owner = owner or (lambda images: classes(function(tf.constant(images))))
    return Case(sa.Classifier.from_callable(function, **options), owner, images=images)


# Heads in float32.

HEADS = {
    "logits": [dense()],
    "dense_softmax": [dense(activation="softmax")],
    "softmax_layer": [dense(), layers.Softmax],
    "softmax_layer_axis_1": [dense(), lambda: layers.Softmax(axis=1)],
    "activation_softmax": [dense(), lambda: layers.Activation("softmax")],
    "softmax_of_tensorflow": [dense(activation=tf.nn.softmax)],
    "softmax_twice": [dense(activation="softmax"), layers.Softmax],
    "log_softmax": [dense(activation="log_softmax")],
    "sigmoid_of_each_class": [dense(activation="sigmoid")],
    "activation_sigmoid": [dense(), lambda: layers.Activation("sigmoid")],
    "tanh": [dense(activation="tanh")],
    "softplus": [dense(activation="softplus")],
    "dropout_before_the_head": [lambda: layers.Dropout(0.5), dense(activation="softmax")],
    "batch_normalization": [layers.BatchNormalization, dense(activation="softmax")],
    "one_sigmoid": [dense(1, "sigmoid")],
    "two_softmax": [dense(2, "softmax")],
    "head_without_bias": [dense(activation="softmax", use_bias=False)],
}
for name, head in HEADS.items():
    CASES[name] = lambda directory, head=head: of_keras(body(*head, scale=1.2 if head is HEADS["tanh"] else 2.0))


@case
def functional(directory):
    model = body(dense(activation="softmax"))
    return of_keras(keras.Model(model.inputs, model.outputs))


@case
def one_logit(directory):
    model = body(dense(1))
    return Case(
        sa.Classifier.from_keras(model), lambda images: (model.predict(images, verbose=0)[:, 0] > 0).astype(int)
    )


class Reversed(layers.Dense):
    """A layer that is no Dense, though it derives from it."""

    def call(self, inputs, training=None):
        return tf.reverse(super().call(inputs), [1])


@case
def subclass_of_dense_with_its_own_call(directory):
    return of_keras(body(lambda: Reversed(4, activation="softmax"), scale=1.0))


class Sharpened(layers.Softmax):
    def call(self, inputs, mask=None):
        return tf.nn.softmax(-0.3 * inputs)


@case
def subclass_of_softmax_with_its_own_call(directory):
    return of_keras(body(dense(), Sharpened))


class OwnCall(keras.Sequential):
    def call(self, inputs, training=None, mask=None):
        return tf.reverse(super().call(inputs, training=training), [1])


@case
def sequential_with_its_own_call(directory):
    return of_keras(OwnCall(body(dense(activation="softmax"), scale=1.0).layers))


class Subclassed(keras.Model):
    def __init__(self, *head):
        super().__init__()
        self.inner = body(*(head or [dense(activation="softmax")]), scale=1.0)

    def call(self, images, training=False):
        return self.inner(images, training=training)


@case
def subclassed(directory):
    return of_keras(Subclassed())


@case
def nested_softmax(directory):
    image = layers.Input((SIDE, SIDE, 1))
    return of_keras(keras.Model(image, body(dense(activation="softmax"), scale=1.0)(image)))


@case
def fully_convolutional(directory):
    keras.utils.set_random_seed(1)
    return of_keras(
        keras.Sequential(
            [
                layers.Input((SIDE, SIDE, 1)),
                layers.Conv2D(8, 3, activation="relu"),
                layers.Conv2D(4, 3),
                layers.GlobalAveragePooling2D(),
                layers.Activation("softmax"),
            ]
        )
    )


@case
def large_logits(directory):
    return of_keras(body(dense(activation="softmax"), scale=20.0))


@case
def tiny_logits(directory):
    model = body(dense())
    return of_callable(lambda images: 1e-4 * model(images, training=False))


# Less than float32.

for policy in ("mixed_bfloat16", "mixed_float16", "bfloat16", "float16"):
    for head, make in {
        "logits": [dense()],
        "softmax": [dense(activation="softmax")],
        "float32_softmax": [dense(activation="softmax", dtype="float32")],
        "float32_softmax_layer": [dense(), lambda: layers.Softmax(dtype="float32")],
        "one_sigmoid": [dense(1, "sigmoid")],
    }.items():
        CASES[f"{policy}_{head}"] = lambda directory, make=make, policy=policy: of_keras(body(*make, policy=policy))
CASES["float64_softmax"] = lambda directory: of_keras(body(dense(activation="softmax"), policy="float64"))


@case
def callable_that_returns_float16(directory):
    model = body(dense())
    return of_callable(lambda images: tf.cast(model(images, training=False), tf.float16))


@case
def callable_that_returns_bfloat16_probabilities(directory):
    model = body(dense(activation="softmax"), scale=1.5)
    return of_callable(lambda images: tf.cast(model(images, training=False), tf.bfloat16))


for mode in ("int8", "int4", "float8"):
    for head, make in {"softmax": [dense(activation="softmax")], "logits": [dense()]}.items():

        def quantized(directory, mode=mode, make=make):
            model = body(*make)
            model.quantize(mode)
            return of_keras(model)

        CASES[f"quantized_{mode}_{head}"] = quantized


# What else predict does.


class Inverts(Subclassed):
    def predict_step(self, data):
        return self(1.0 - (data[0] if isinstance(data, tuple) else data), training=False)


@case
def predict_step_of_its_own(directory):
    model = Inverts()
    return Case(sa.Classifier.from_keras(model), by_predict(model))


class Predicts(Subclassed):
    """A `predict` that differs, in nothing but its form."""

    def predict(self, images):
        return super().predict(images, verbose=0)


@case
def predict_of_its_own_that_does_the_same(directory):
    model = Predicts()
    return Case(sa.Classifier.from_keras(model), lambda images: classes(model.predict(images)))


class WithPreprocessor(Subclassed):
    """As KerasHub's tasks: `predict` applies `preprocessor`, a call does not."""

    def __init__(self):
        super().__init__()
        self.preprocessor = layers.Rescaling(-1.0, offset=1.0)

    def predict(self, images, **options):
        return super().predict(self.preprocessor(images), **options)


@case
def preprocessor_of_its_own(directory):
    model = WithPreprocessor()
    return Case(sa.Classifier.from_keras(model), by_predict(model))


class UsesItsPreprocessor(Subclassed):
    """An attribute of that name which is a part of the call."""

    def __init__(self):
        super().__init__()
        self.preprocessor = layers.Rescaling(-1.0, offset=1.0)

    def call(self, images, training=False):
        return super().call(self.preprocessor(images), training=training)


@case
def preprocessor_that_is_a_part_of_the_call(directory):
    return of_keras(UsesItsPreprocessor())


@case
def preprocessing_before_a_preprocessor_of_its_own(directory):
    model = WithPreprocessor()
    classifier = sa.Classifier.from_keras(model, bounds=(0, 2), preprocessing=lambda images: images / 2)
    return Case(classifier, by_predict(model, lambda images: images / 2), images=2 * IMAGES)


class PredictsLists(Subclassed):
    def predict(self, images):
        return super().predict(images.astype(np.float64), verbose=0).tolist()


@case
def predict_of_its_own_that_returns_lists(directory):
    model = PredictsLists()
    return Case(sa.Classifier.from_keras(model), lambda images: np.argmax(model.predict(images), axis=1))


if has_keras_hub:

    @case
    def keras_hub_classifier(directory):
        import keras_hub

        keras.utils.set_random_seed(0)
        backbone = keras_hub.models.ResNetBackbone(
            input_conv_filters=[64],
            input_conv_kernel_sizes=[3],
            stackwise_num_filters=[64],
            stackwise_num_blocks=[1],
            stackwise_num_strides=[1],
            block_type="basic_block",
            image_shape=(16, 16, 3),
        )
        converter = keras_hub.layers.ResNetImageConverter(image_size=(16, 16), scale=1 / 255.0, offset=[-0.5] * 3)
        model = keras_hub.models.ResNetImageClassifier(
            backbone=backbone,
            num_classes=4,
            preprocessor=keras_hub.models.ResNetImageClassifierPreprocessor(image_converter=converter),
        )
        images = np.random.default_rng(0).uniform(0, 255, size=(4, 20, 20, 3)).astype(np.float32)
        return Case(sa.Classifier.from_keras(model, bounds=(0, 255)), by_predict(model), images=images)


# Layouts.


def permuted(images):
    return images.transpose(0, 3, 1, 2)


@case
def channels_first_stated(directory):
    model = keras.Sequential([layers.Input((1, SIDE, SIDE)), layers.Permute((2, 3, 1)), body(dense())])
    owner = by_predict(model, permuted), by_call(model, permuted)
    return Case(sa.Classifier.from_keras(model, data_format="channels_first"), *owner)


@case
def channels_first_by_its_layers(directory):
    image = layers.Input((3, 5, 8))
    pooled = layers.ZeroPadding2D(1, data_format="channels_first")(layers.Rescaling(1.0)(image))
    model = keras.Model(image, layers.Dense(4, activation="softmax")(layers.Flatten()(pooled)))
    images = np.random.default_rng(2).uniform(size=(COUNT, 5, 8, 3)).astype(np.float32)
    return Case(sa.Classifier.from_keras(model), by_predict(model, permuted), images=images)


@case
def series_of_steps(directory):
    keras.utils.set_random_seed(1)
    series = layers.Input((12, 2))
    hidden = layers.Flatten()(layers.Conv1D(8, 3, activation="relu")(series))
    model = keras.Model(series, layers.Dense(4, activation="softmax")(hidden))
    model.set_weights([3 * weight for weight in model.get_weights()])
    images = np.random.default_rng(2).uniform(size=(COUNT, 1, 12, 2)).astype(np.float32)
    owner = by_predict(model, sa.images.to_series), by_call(model, sa.images.to_series)
    return Case(sa.Classifier.from_keras(model, data_format="series"), *owner, images=images)


@case
def series_of_a_function(directory):
    weights = tf.random.stateless_normal((12, 2, 4), (0, 1))

    def owner(images):
        return classes(tf.einsum("ntc,tck->nk", sa.images.to_series(images), weights))

    images = np.random.default_rng(2).uniform(size=(COUNT, 1, 12, 2)).astype(np.float32)
    network = sa.Classifier.from_callable(lambda x: tf.einsum("ntc,tck->nk", x, weights), data_format="series")
    return Case(network, owner, images=images)


def volume_model():
    keras.utils.set_random_seed(1)
    volume = layers.Input((4, 5, 6, 1))
    hidden = layers.Flatten()(layers.Conv3D(4, 3, activation="relu")(volume))
    model = keras.Model(volume, layers.Dense(4, activation="softmax")(hidden))
    model.set_weights([3 * weight for weight in model.get_weights()])
    images = np.random.default_rng(2).uniform(size=(COUNT, 20, 6, 1)).astype(np.float32)
    return model, images, lambda images: sa.images.to_volumes(images, depth=4)


@case
def volumes(directory):
    model, images, change = volume_model()
    owner = by_predict(model, change), by_call(model, change)
    return Case(sa.Classifier.from_keras(model, data_format="volumes"), *owner, images=images)


@case
def volumes_exported(directory):
    model, images, change = volume_model()
    model.export(directory / "volumes", verbose=False)
    network = sa.Classifier.from_saved_model(directory / "volumes", data_format="volumes")
    return Case(network, by_call(model, change), images=images)


@case
def flat_images_of_many_channels(directory):
    image = layers.Input((3, 3, 60))
    model = keras.Model(image, layers.Dense(4)(layers.Flatten()(layers.Conv2D(4, 2)(image))))
    images = np.random.default_rng(2).uniform(size=(COUNT, 3, 3, 60)).astype(np.float32)
    return Case(sa.Classifier.from_keras(model), by_predict(model), images=images)


@case
def rows_of_many_channels_exported(directory):
    model = keras.Sequential([layers.Input((3, 24, 8)), layers.Flatten(), layers.Dense(4)])
    model.export(directory / "rows", verbose=False)
    images = np.random.default_rng(2).uniform(size=(COUNT, 3, 24, 8)).astype(np.float32)
    return Case(sa.Classifier.load(directory / "rows"), by_predict(model), images=images)


@case
def images_without_a_channel_axis(directory):
    model = keras.Sequential([layers.Input((SIDE, SIDE)), layers.Flatten(), layers.Dense(4, activation="softmax")])
    return Case(sa.Classifier.from_keras(model), by_predict(model, lambda images: images[..., 0]))


@case
def flat_input(directory):
    model = keras.Sequential([layers.Input((SIDE * SIDE,)), layers.Dense(8, activation="relu"), layers.Dense(4)])
    return Case(sa.Classifier.from_keras(model), by_predict(model, lambda images: images.reshape(len(images), -1)))


# Several inputs and outputs.


def two_outputs(structure):
    model = body(dense())
    features = model.layers[-2].output
    scores = layers.Dense(4, activation="softmax", name="scores")(features)
    box = layers.Dense(4, name="box")(features)
    return keras.Model(model.inputs, structure(box, scores))


def of_two_outputs(structure, output, pick):
    model = two_outputs(structure)
    return Case(
        sa.Classifier.from_keras(model, output=output),
        lambda images: classes(pick(model.predict(images, verbose=0))),
        lambda images: classes(pick(model(images, training=False))),
    )


CASES["list_of_outputs_by_name"] = lambda d: of_two_outputs(lambda *o: list(o), "scores", lambda all: all[1])
CASES["list_of_outputs_by_place"] = lambda d: of_two_outputs(lambda *o: list(o), 1, lambda all: all[1])
CASES["dictionary_of_outputs"] = lambda d: of_two_outputs(
    lambda box, scores: {"box": box, "scores": scores}, "scores", lambda all: all["scores"]
)


class WithLogits:
    def __init__(self, logits):
        self.logits = logits


@case
def object_with_logits(directory):
    model = body(dense())
    return of_callable(lambda images: WithLogits(model(images, training=False)), by_predict(model))


@case
def dictionary_of_one_entry(directory):
    model = body(dense(activation="softmax"))
    return of_callable(lambda images: {"p": model(images, training=False)}, by_predict(model))


def two_inputs():
    image, meta = layers.Input((SIDE, SIDE, 1), name="image"), layers.Input((2,), name="meta")
    keras.utils.set_random_seed(1)
    joined = layers.Concatenate()([layers.Flatten()(image), meta])
    return keras.Model({"image": image, "meta": meta}, layers.Dense(4, activation="softmax")(joined))


META = np.random.default_rng(4).normal(size=(COUNT, 2)).astype(np.float32)


@case
def another_input_the_same_for_all(directory):
    model = two_inputs()
    owner = by_predict(model, lambda images: {"image": images, "meta": np.repeat(META[:1], len(images), 0)})
    return Case(sa.Classifier.from_keras(model, inputs={"meta": META[0]}), owner)


@case
def another_input_for_each_image(directory):
    model = two_inputs()
    owner = by_predict(model, lambda images: {"image": images, "meta": META[: len(images)]})
    return Case(sa.Classifier.from_keras(model, inputs={"meta": META}), owner, in_order=True)


@case
def another_input_for_each_image_of_an_export(directory):
    model = two_inputs()
    model.export(directory / "two", verbose=False)
    owner = by_predict(model, lambda images: {"image": images, "meta": META[: len(images)]})
    return Case(sa.Classifier.load(directory / "two", inputs={"meta": META}), owner, in_order=True)


# Exports and files.


def exported(model, directory, **options):
    model.export(directory / "saved", verbose=False)
    signature = tf.saved_model.load(str(directory / "saved")).signatures["serving_default"]

    def owner(images):
        return classes(next(iter(signature(tf.constant(images)).values())))

    return Case(sa.Classifier.load(directory / "saved", **options), owner)


CASES["export_with_softmax"] = lambda d: exported(body(dense(activation="softmax"), scale=1.0), d)
CASES["export_with_logits"] = lambda d: exported(body(dense()), d)
CASES["export_in_bfloat16"] = lambda d: exported(body(dense(activation="softmax"), policy="bfloat16", scale=1.5), d)
CASES["export_by_its_signature"] = lambda d: exported(body(dense()), d, signature="serving_default")


def filed(name, directory):
    model = body(dense(activation="softmax"))
    model.save(directory / "model.h5" if "h5" in name else directory / "model.keras")
    (directory / name).write_bytes(next(directory.glob("model.*")).read_bytes())
    return Case(sa.Classifier.load(directory / name), by_predict(model))


@case
def export_whose_signature_is_another_function(directory):
    module = tf.Module()
    module.inner = body(dense(activation="softmax"), scale=1.0)
    spec = tf.TensorSpec([None, SIDE, SIDE, 1], name="image")
    served = tf.function(lambda image: {"p": module.inner(1.0 - image, training=False)}, input_signature=[spec])
    tf.saved_model.save(module, str(directory / "saved"), signatures={"serving_default": served})
    owner = by_predict(module.inner, lambda images: 1.0 - images)
    return Case(sa.Classifier.load(directory / "saved"), owner)


CASES["keras_file"] = lambda directory: filed("model.keras", directory)
CASES["keras_file_of_another_name"] = lambda directory: filed("network", directory)
CASES["hdf5_file"] = lambda directory: filed("net.h5", directory)
CASES["hdf5_file_of_another_name"] = lambda directory: filed("net_h5", directory)


def of_keras2():
    """A model of Keras 2, where that is installed."""
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(
        [
            tf_keras.layers.Input((SIDE, SIDE, 1)),
            tf_keras.layers.Conv2D(6, 3, activation="relu"),
            tf_keras.layers.Flatten(),
            tf_keras.layers.Dense(4, activation="softmax"),
        ]
    )


if has_tf_keras:

    @case
    def model_of_keras_2(directory):
        model = of_keras2()
        return Case(sa.Classifier.from_keras(model), by_predict(model), by_call(model))

    @case
    def model_of_keras_2_passed_directly(directory):
        model = of_keras2()
        return Case(model, by_predict(model))


# What is passed, and how.


@case
def model_passed_directly(directory):
    model = body(dense(activation="softmax"))
    return Case(model, by_predict(model))


@case
def bounds_of_bytes(directory):
    model = keras.Sequential([layers.Input((SIDE, SIDE, 1)), layers.Rescaling(1 / 255), body(dense())])
    classifier = sa.Classifier.from_keras(model, bounds=(0, 255))
    return Case(classifier, by_predict(model), images=(IMAGES * 255).round())


@case
def bounds_around_0_and_preprocessing(directory):
    model = body(dense(activation="softmax"))
    classifier = sa.Classifier.from_keras(model, bounds=(-1, 1), preprocessing=lambda images: (images + 1) / 2)
    return Case(classifier, by_predict(model, lambda images: (images + 1) / 2), images=2 * IMAGES - 1)


def of_one_number(values, threshold, **options):
    model = body(dense(1))
    return of_callable(
        lambda images: values(model(images, training=False)),
        lambda images: (np.asarray(values(model(images, training=False))).reshape(-1) > threshold).astype(int),
        **options,
    )


CASES["callable_of_one_logit"] = lambda d: of_one_number(lambda z: z, 0.0)
CASES["callable_of_one_probability"] = lambda d: of_one_number(lambda z: tf.sigmoid(z)[:, 0], 0.5)
CASES["callable_of_probabilities"] = lambda d: of_callable(
    (lambda model: lambda images: model(images, training=False))(body(dense(activation="softmax"), scale=1.0))
)
CASES["callable_of_sigmoids"] = lambda d: of_callable(
    (lambda model: lambda images: model(images, training=False))(body(dense(activation="sigmoid"), scale=1.0))
)
