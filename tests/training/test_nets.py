"""The networks are the paper's, and the shipped ones are these."""

import json
import re
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from packaging.version import Version

import tf_strattack as sa
from training.nets import NETS, cifar10_cnn, mnist_cnn


@pytest.mark.parametrize(
    ("build", "widths", "units", "shape"),
    [(mnist_cnn, (32, 64), 200, (28, 28, 1)), (cifar10_cnn, (64, 128), 256, (32, 32, 3))],
)
def test_the_networks_are_the_paper_s(build, widths, units, shape):
    model = build()
    kinds = [(type(layer).__name__, getattr(layer, "filters", getattr(layer, "units", None))) for layer in model.layers]
    narrow, wide = widths
    assert kinds == [
        ("Conv2D", narrow),
        ("Conv2D", narrow),
        ("MaxPooling2D", None),
        ("Conv2D", wide),
        ("Conv2D", wide),
        ("MaxPooling2D", None),
        ("Flatten", None),
        ("Dense", units),
        ("Dropout", None),
        ("Dense", units),
        ("Dense", 10),
    ]
    assert model.input_shape[1:] == shape
    assert model.layers[-1].activation is keras.activations.linear
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            assert (layer.kernel_size, layer.padding) == ((3, 3), "valid")


def test_mixed_precision_keeps_float32_weights_and_logits():
    model = mnist_cnn("mixed_bfloat16")
    assert {str(weight.dtype) for weight in model.trainable_weights} == {"float32"}
    assert model(np.zeros((1, 28, 28, 1), np.float32)).dtype == "float32"
    assert model.layers[0].compute_dtype == "bfloat16"


@pytest.mark.parametrize("dataset", NETS)
def test_what_is_shipped_has_this_architecture_and_the_accuracy_of_its_card(dataset):
    shipped = keras.saving.load_model(sa.shipped.model_path(f"{dataset}_cnn"))
    built = NETS[dataset].build("float32")
    assert [weight.shape for weight in shipped.weights] == [weight.shape for weight in built.weights]
    assert sa.shipped.load_card(f"{dataset}_cnn")["test_accuracy"] >= {"mnist": 0.994, "cifar10": 0.8}[dataset]


@pytest.mark.parametrize("dataset", NETS)
def test_what_is_shipped_was_saved_by_a_keras_no_newer_than_the_oldest_which_would_not_read_it(dataset):
    requirements = (Path(__file__).parents[2] / "requirements.txt").read_text()
    (oldest,) = re.findall(r"^keras>=([\d.]+)", requirements, re.MULTILINE)
    with zipfile.ZipFile(sa.shipped.model_path(f"{dataset}_cnn")) as archive:
        saved_by = json.loads(archive.read("metadata.json"))["keras_version"]
    assert Version(saved_by) <= Version(oldest)


def test_the_robust_network_has_the_architecture_of_the_standard_one():
    robust, standard = (keras.saving.load_model(sa.shipped.model_path(f"mnist_{kind}")) for kind in ("pgd", "cnn"))
    assert [weight.shape for weight in robust.weights] == [weight.shape for weight in standard.weights]
    card = sa.shipped.load_card("mnist_pgd")
    assert card["test_accuracy"] >= 0.98
    images, labels, _ = sa.shipped.load_sample()
    assert (np.argmax(robust.predict(images, verbose=0), axis=1) == labels).mean() > 0.98


@pytest.mark.slow
@pytest.mark.parametrize("dataset", NETS)
def test_the_accuracy_of_the_card_is_what_the_network_has(dataset, shared):
    from training.data import load_splits
    from training.fit import accuracy

    network = keras.saving.load_model(sa.shipped.model_path(f"{dataset}_cnn"))
    _, test = load_splits(dataset, data_dir=str(shared / "tfds"), download=False, num_classes=10)
    assert accuracy(network, test) == pytest.approx(sa.shipped.load_card(f"{dataset}_cnn")["test_accuracy"], abs=2e-4)
