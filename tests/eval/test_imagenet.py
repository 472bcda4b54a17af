"""Photographs and a network for them: the program end to end, and its promises on a real network."""

import json
import shutil

import keras
import matplotlib.image
import numpy as np
import pytest
from keras import layers
from PIL import Image

import tf_strattack as sa
from eval.benchmarks.child import measure_child
from tests.builders import write_folder
from tests.directories import check_all_is_known, results, shards
from tests.programs import check_mistakes, server_of

# Quick, and sure to succeed on a small network.
QUICK = "--attack_parameters=max_iterations=25,fallback.max_iterations=25,refine.max_iterations=5"
_SIDE = 40


def program(*arguments):
    return server_of("eval.imagenet").run(*arguments)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A network for 40 x 40 pixels that recognises the strongest colour, and pictures, one of them mislabelled."""
    directory = tmp_path_factory.mktemp("photographs")
    shape = (_SIDE, _SIDE, 3)
    model = keras.Sequential([layers.Input(shape), layers.GlobalAveragePooling2D(), layers.Rescaling(20.0)])
    model.export(directory / "saved", verbose=False)
    model.save(directory / "model.keras")
    random = np.random.default_rng(0)
    images = []
    for index in range(4):
        image = random.integers(60, 160, size=(50 + 7 * index, 70, 3))
        image[..., (index + (index == 1)) % 3] += 60  # the second is not what its label says
        images.append(image.astype(np.uint8))
    write_folder(directory / "photos", images)
    return directory


@pytest.fixture(scope="module")
def run(photographs):
    arguments = [
        f"--model={photographs / 'saved'}",
        f"--image_dir={photographs / 'photos' / 'images'}",
        "--num_images=3",
        "--targets=random:2",
        QUICK,
        f"--output_dir={photographs / 'out'}",
    ]
    status, out, err = program(*arguments)
    assert status == 0, err
    return photographs / "out", arguments, out


def test_only_correctly_classified_photographs_are_attacked_and_the_others_reported(run):
    directory, _, out = run
    metrics = json.loads((directory / "metrics.json").read_text())
    assert (metrics["num_images"], metrics["num_examples"], metrics["skipped_misclassified"]) == (3, 6, 1)
    assert metrics["all"]["asr"] == 1.0
    assert (metrics["clean_accuracy"], metrics["robust_accuracy"]) == (0.75, 0.0)
    assert metrics["groups"] == "squares:13"
    assert metrics["attack_parameters"]["groups"]["size"] == 13
    assert metrics["resize"] == "auto"
    assert "3 images attacked, 1 skipped as misclassified" in out
    parts = results(directory)
    assert [len(part) for part in parts] == [2, 2, 2], "a shard is an image"
    assert parts[0].images.shape == (2, _SIDE, _SIDE, 3)
    name = parts[0].example_ids[0].rpartition("_to_")[0]
    picture = Image.open(directory.parent / "photos" / "images" / name)
    scaled = (round(picture.width * 46 / picture.height), 46)  # 40 / 0.875
    left = (scaled[0] - _SIDE) // 2
    expected = picture.resize(scaled, Image.Resampling.BICUBIC).crop((left, 3, left + _SIDE, 3 + _SIDE))
    np.testing.assert_allclose(parts[0].images[0], np.asarray(expected) / 255.0, atol=1e-6)


def test_the_figure_shows_one_row_per_image(run):
    picture = matplotlib.image.imread(run[0] / "examples.png")
    assert picture.shape[0] > 850
    assert picture[..., :3].std() > 0.1


def test_a_run_resumes_at_its_image_with_another_batch_size(run, tmp_path):
    directory, arguments, _ = run
    copy = tmp_path / "out"
    shutil.copytree(directory, copy)
    before = results(copy)[1]
    shards(copy)[1].unlink()
    (copy / "metrics.json").unlink()
    kept = shards(copy)[0].stat().st_mtime_ns
    status, _, err = program(*arguments[:-1], f"--output_dir={copy}", "--batch_size=1")
    assert status == 0, err
    assert shards(copy)[0].stat().st_mtime_ns == kept
    after = results(copy)[1]
    np.testing.assert_array_equal(after.example_ids, before.example_ids)
    assert after.success.all()


def test_all_that_was_written_is_known(run, tmp_path):
    check_all_is_known(run[0], "eval.imagenet", tmp_path / "copy")


def test_mistakes_get_one_line_and_status_2(photographs, tmp_path):
    folder = f"--image_dir={photographs / 'photos'}"
    saved = f"--model={photographs / 'saved'}"
    (tmp_path / "empty").mkdir()
    mistakes = [
        ([folder, "--fail_if=asrr > 0.5"], "received 'asrr': did you mean asr?"),
        ([saved, folder, "--dataset=imagenet_v2"], "expected --image_dir or --dataset, received both"),
        ([saved, f"--image_dir={tmp_path / 'empty'}"], "columns filename, class_index, there or in the folder above"),
        ([saved, f"--image_dir={tmp_path / 'absent'}"], "expected --image_dir to be a folder, received"),
        ([saved, "--data_dir=nowhere"], "expected the TFDS data set 'imagenet2012' in --data_dir, received nowhere"),
        ([saved, folder, "--resize=30"], "expected --resize of at least the network's image size 40, received 30"),
        ([saved, folder, "--resize=none"], "add --resize=PIXELS"),
        ([saved, folder, "--weights=none"], "expected --weights with a network of keras.applications"),
        (
            [saved, folder, "--groups=squares:41", "--targets=random:2"],
            "expected group_size from 1 to the image's shorter side",
        ),
        (
            [saved, folder, "--targets=random:3"],
            "expected --targets of at most 2, the other classes, received random:3",
        ),
        ([folder, "--model=inception_v3", "--weights=absent.h5"], "received absent.h5, which does not exist"),
    ]
    check_mistakes("eval.imagenet", [([*given, f"--output_dir={tmp_path / 'out'}"], text) for given, text in mistakes])
    assert not (tmp_path / "out").exists()


def test_eval_attack_takes_photographs_with_its_own_defaults(photographs, tmp_path):
    status, _, err = server_of("eval.attack").run(
        f"--model={photographs / 'model.keras'}",
        f"--dataset={photographs / 'photos'}",
        "--num_images=2",
        QUICK,
        f"--output_dir={tmp_path / 'out'}",
        "--batch_size=auto",
    )
    assert status == 0, err
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["all"]["asr"] == 1.0


@pytest.mark.slow
def test_inception_v3_with_random_weights_stays_below_6_gb(photographs, tmp_path):
    cost = measure_child(
        "eval.imagenet",
        f"--image_dir={photographs / 'photos'}",
        "--weights=none",
        "--num_images=2",
        "--targets=random:2",
        "--attack_parameters=max_iterations=20,fallback.max_iterations=20,refine=False",
        f"--output_dir={tmp_path / 'out'}",
    )
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["model"], metrics["num_examples"]) == ("inception_v3", 4)
    assert metrics["labels"] == "predicted by the untrained network"
    assert metrics["gradient_evaluations_per_example"] >= 21
    assert cost.peak_bytes < 6e9


@pytest.mark.slow
def test_a_real_imagenet_network_as_saved_model_and_as_keras_file(shared_networks, tmp_path):
    """All targets, with few evaluations and few changed entries; and the two files of a network agree."""
    blocks = {}
    for name in ("efficientnet_lite0", "efficientnet_lite0.keras"):
        out = tmp_path / name
        status, _, err = program(
            f"--model={shared_networks / 'models' / name}",
            f"--image_dir={shared_networks / 'imagenet'}",
            "--num_images=4",
            "--targets=random:3",
            f"--output_dir={out}",
        )
        assert status == 0, err
        blocks[name] = json.loads((out / "metrics.json").read_text())
        norms = np.concatenate([_objective(part) for part in results(out)])
        blocks[name]["objective"] = norms
        assert blocks[name]["all"]["asr"] == 1.0
        assert blocks[name]["gradient_evaluations_per_example"] <= 300
        assert blocks[name]["all"]["l0"] < 0.3 * 224 * 224 * 3
    saved, keras_file = (block["objective"] for block in blocks.values())
    np.testing.assert_allclose(keras_file, saved, rtol=0.05)


def _objective(result):
    """Gamma ||delta||_2^2 + tau sum_i ||delta_i||_2 with the defaults, of each example."""
    pad = -result.delta.shape[1] % 13
    whole = np.pad(result.delta, [(0, 0), (0, pad), (0, pad), (0, 0)])
    n, side = len(whole), whole.shape[1] // 13
    groups = np.square(whole).reshape(n, side, 13, side, 13, 3).sum(axis=(2, 4, 5))
    return groups.sum(axis=(1, 2)) + sa.StrAttack().tau * np.sqrt(groups).sum(axis=(1, 2))
