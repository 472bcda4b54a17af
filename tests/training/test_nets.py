"""The networks are the paper's, and the shipped networks have these architectures."""

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
def test_resnet20_has_the_layers_and_parameters_of_the_paper(dataset, tmp_path):
    model = NETS[dataset]["resnet20"].build("float32")
    weighted = [layer for layer in model.layers if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense))]
    assert len(weighted) == 20
    assert [layer.filters for layer in weighted[:-1]] == [16] * 7 + [32] * 6 + [64] * 6
    # Table 6 of arXiv 1512.03385: 0.27 million; batch normalisation has four numbers a channel.
    channels = model.input_shape[-1]
    assert model.count_params() == 9 * channels * 16 + 267264 + 4 * (7 * 16 + 6 * 32 + 6 * 64) + 650
    model.save(tmp_path / "net.keras")
    images = np.random.default_rng(0).uniform(size=(3, *model.input_shape[1:])).astype(np.float32)
    loaded = keras.saving.load_model(tmp_path / "net.keras")
    np.testing.assert_allclose(loaded(images), model(images), atol=1e-5)


def test_a_shortcut_of_resnet20_skips_pixels_and_adds_channels_of_zeros():
    model = NETS["cifar10"]["resnet20"].build("float32")
    for layer in model.layers:  # without its residuals, the network is its shortcuts alone
        if isinstance(layer, keras.layers.BatchNormalization) and layer is not model.layers[2]:
            layer.set_weights([np.zeros_like(weights) for weights in layer.get_weights()])
    images = np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype(np.float32)
    first = keras.Model(model.input, model.layers[3].output)(images).numpy()
    pooled = keras.Model(model.input, model.get_layer("logits").input)(images).numpy()
    np.testing.assert_allclose(pooled[:, :16], first[:, ::4, ::4].mean(axis=(1, 2)), rtol=1e-5)
    assert first.any() and not pooled[:, 16:].any()


LEAST = {"mnist_cnn": 0.994, "cifar10_cnn": 0.8, "mnist_pgd": 0.98}


@pytest.mark.parametrize("name", sa.shipped.NETWORKS)
def test_what_is_shipped_has_this_architecture_and_the_accuracy_of_its_card(name):
    shipped, card = keras.saving.load_model(sa.shipped.model_path(name)), sa.shipped.load_card(name)
    built = NETS[card["dataset"]]["cnn"].build("float32")
    assert [weight.shape for weight in shipped.weights] == [weight.shape for weight in built.weights]
    assert card["test_accuracy"] >= LEAST[name]


@pytest.mark.parametrize("name", sa.shipped.NETWORKS)
def test_what_is_shipped_was_saved_by_a_keras_no_newer_than_the_oldest_which_would_not_read_it(name):
    requirements = (Path(__file__).parents[2] / "requirements.txt").read_text()
    (oldest,) = re.findall(r"^keras>=([\d.]+)", requirements, re.MULTILINE)
    with zipfile.ZipFile(sa.shipped.model_path(name)) as archive:
        saved_by = json.loads(archive.read("metadata.json"))["keras_version"]
    assert Version(saved_by) <= Version(oldest)


@pytest.mark.slow
@pytest.mark.parametrize("name", sa.shipped.NETWORKS)
def test_the_accuracy_of_the_card_is_what_the_network_has(name, shared):
    from training.data import Split, load_splits
    from training.fit import accuracy
    from training.pgd import PGD, pgd_accuracy

    network, card = keras.saving.load_model(sa.shipped.model_path(name)), sa.shipped.load_card(name)
    _, test = load_splits(card["dataset"], data_dir=str(shared / "tfds"), download=False, num_classes=10)
    assert accuracy(network, test) == pytest.approx(card["test_accuracy"], abs=2e-4)
    if "robust_accuracy" in card:
        first = Split(test.images[:1000], test.probabilities[:1000])
        found = pgd_accuracy(network, first, PGD(epsilon=0.3, steps=20), restarts=1, seed=0)
        assert found == pytest.approx(card["robust_accuracy"]["accuracy"], abs=2e-3)
