"""Models of users, attacked by the programs: the results agree with the model's own predictions."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from keras import layers

import tf_strattack as sa
from tests.programs import check_mistakes, server_of
from tests.slow import first_quick

QUICK = (
    "--attack_parameters=max_iterations=20,fallback.max_iterations=20,refine=False",
    "--num_images=3",
    "--targets=untargeted",
)


def digits(model, number=6):
    """Digits with the classes that `model` gives them, an array (N, 28, 28, 1)."""
    images = sa.shipped.load_sample().images[:number]
    scores = model(images)
    return images, scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0.5).astype(int)


def attack(directory, *arguments):
    """Runs eval.attack; its lines on stderr that are notes, and what it wrote: metrics, images, labels, success."""
    out = directory / "run"
    status, _, err = server_of("eval.attack").run(*QUICK, *arguments, f"--output_dir={out}")
    assert status == 0, err
    rows = list(tfds.as_numpy(tfds.builder_from_directory(str(out / "dataset")).as_dataset(split="train")))
    written = (np.array([row[name] for row in rows]) for name in ("image", "label", "success"))
    notes = [line for line in err.splitlines() if line.startswith("note: ")]
    return notes, json.loads((out / "metrics.json").read_text()), *written


def save_digits(path, images, labels):
    np.savez(path, images=images, labels=labels)
    return f"--dataset={path}"


def network(*head, shape=(28, 28, 1), policy="float32"):
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    try:
        return keras.Sequential(
            [
                layers.Input(shape),
                layers.Flatten(),
                layers.Dense(24, activation="relu"),
                *(make() for make in head),
            ]
        )
    finally:
        keras.config.set_dtype_policy("float32")


def softmax():
    return layers.Dense(10, activation="softmax")


def quantized():
    model = network(softmax)
    model.quantize("int8")
    return model


MODELS = {
    "without_a_channel_axis": (lambda: network(softmax, shape=(28, 28)), lambda images: images[..., 0]),
    "flat": (lambda: keras.Sequential([layers.Input((784,)), softmax()]), lambda images: images.reshape(-1, 784)),
    "one_sigmoid": (lambda: network(lambda: layers.Dense(1, activation="sigmoid")), lambda images: images),
    "bfloat16": (lambda: network(softmax, policy="bfloat16"), lambda images: images),
    "quantized": (quantized, lambda images: images),
}


@pytest.mark.parametrize("name", first_quick(MODELS, 3))
def test_what_is_written_is_what_the_model_says(name, tmp_path):
    make, change = MODELS[name]
    make().save(tmp_path / "net.keras")
    model = keras.saving.load_model(tmp_path / "net.keras")  # as a user has it

    def scores(images):
        return np.asarray(model.predict(change(images), verbose=0)).astype(np.float32)

    images, labels = digits(scores)
    data = save_digits(tmp_path / "digits.npz", images, labels)
    notes, metrics, adversarial, written, success = attack(tmp_path, f"--model={tmp_path / 'net.keras'}", data)
    assert metrics["clean_accuracy"] == 1.0
    assert metrics["robust_accuracy"] == 1 - success.mean()
    found = scores(adversarial)
    seen = found.argmax(axis=1) if found.shape[1] > 1 else (found[:, 0] > 0.5).astype(int)
    np.testing.assert_array_equal(seen != written, success)
    assert success.any()
    assert notes == (
        ["note: the network's input is flat, 784 numbers: images are flattened row by row"] if name == "flat" else []
    )


def exported(directory):
    """A SavedModel of images channels first and two outputs."""
    image = layers.Input((1, 28, 28), name="image")
    flat = layers.Flatten()(image)
    model = keras.Model(image, {"box": layers.Dense(4)(flat), "scores": layers.Dense(10)(flat)})
    model.export(directory / "saved", verbose=False)
    return directory / "saved"


def test_flags_say_what_a_saved_model_does_not(tmp_path):
    saved = exported(tmp_path)
    signature = tf.saved_model.load(str(saved)).signatures["serving_default"]

    def scores(images):
        return signature(tf.constant(images.transpose(0, 3, 1, 2)))["scores"].numpy()

    data = save_digits(tmp_path / "digits.npz", *digits(scores))
    check_mistakes(
        "eval.attack",
        [
            (
                (f"--model={saved}", data, "--model_options=output=scores"),
                "if the model's input is (channels, height, width), state --data_format=channels_first",
            ),
            (
                (f"--model={saved}", data, "--data_format=channels_first"),
                "name one with output= (--model_options=output=...)",
            ),
        ],
    )
    flags = ("--data_format=channels_first", "--model_options=output=scores,outputs=logits")
    notes, metrics, adversarial, written, success = attack(tmp_path, f"--model={saved}", data, *flags)
    assert not notes
    assert metrics["model_options"] == {"output": "scores", "outputs": "logits", "data_format": "channels_first"}
    np.testing.assert_array_equal(scores(adversarial).argmax(axis=1) != written, success)


def test_options_that_do_not_fit_are_refused(tmp_path):
    network(softmax).save(tmp_path / "net.keras")
    (tmp_path / "text.keras").write_text("no model")
    net = f"--model={tmp_path / 'net.keras'}"
    check_mistakes(
        "eval.attack",
        [
            (
                ("--data_format=channels_first",),
                "expected --data_format with a model file or directory, received --model=mnis",
            ),
            (
                ("--model_options=output=1",),
                "expected --model_options with a model file or directory, received --model=mnist",
            ),
            (
                (net, "--model_options=layer=3"),
                "--model_options=name=value,... with signature, output, outputs, received",
            ),
            ((net, "--model_options=signature=x"), "expected signature= with a SavedModel directory"),
            ((net, "--model_options=output=7"), "expected output= to be one of"),
            ((net, "--model_options=outputs=softmax"), "expected outputs to be one of logits, probabilities, sigmoid"),
            ((net, "--data_format=NCHW"), "--data_format"),
            ((f"--model={tmp_path / 'text.keras'}",), "it is neither an archive of Keras nor HDF5"),
        ],
    )


@pytest.mark.slow
def test_a_network_of_another_package_is_attacked_and_its_class_activation_drawn(shared, tmp_path):
    path = shared / "models" / "users" / "fer_emotion_model.hdf5"
    model = keras.saving.load_model(path, compile=False)
    images = np.random.default_rng(0).uniform(size=(6, 64, 64, 1)).astype(np.float32)

    def scores(images):
        return model.predict(images, verbose=0)

    labels = scores(2 * images - 1).argmax(axis=1)
    data = save_digits(tmp_path / "faces.npz", images, labels)
    notes, metrics, adversarial, written, success = attack(tmp_path, f"--model={path}", "--bounds=-1,1", data)
    assert not notes
    assert metrics["clean_accuracy"] == 1.0
    np.testing.assert_array_equal(scores(adversarial).argmax(axis=1) != written, success)
    assert success.all()
    classifier = sa.Classifier.load(path, bounds=(-1, 1))
    maps = sa.interpret.grad_cam(classifier, adversarial, written)
    assert maps.shape == (3, 64, 64)
    assert (maps.max(axis=(1, 2)) > 0).any()
