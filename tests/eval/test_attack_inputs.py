"""What the program attacks: models, folders, tables of labels and files, and one line for each mistake."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

import tf_strattack as sa
from tests.directories import results
from tests.programs import QUICK, check_mistakes, run_program, server_of
from tests.slow import first_quick
from tf_strattack.images import write_png


def program(*arguments):
    return server_of("eval.attack").run(*arguments)


@pytest.mark.slow
def test_other_models_and_data_sets(tmp_path):
    images, labels, _ = sa.shipped.load_sample()
    model = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"))
    shifted = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255.0), *model.layers])
    shifted.export(tmp_path / "saved", verbose=False)
    np.savez(tmp_path / "digits.npz", images=(images[:8] * 255).astype(np.uint8), labels=labels[:8])
    folder = tmp_path / "folder"
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "class_index"])
        for index in range(3):
            keras.utils.save_img(folder / f"{index}.png", images[index], scale=True)
            writer.writerow([f"{index}.png", labels[index]])
    untargeted, two = tmp_path / "a", tmp_path / "b"
    status, _, err = program(
        f"--model={tmp_path / 'saved'}",
        "--bounds=0,255",
        f"--dataset={tmp_path / 'digits.npz'}",
        "--num_images=5",
        "--targets=untargeted",
        f"--output_dir={untargeted}",
    )
    assert status == 0, err
    metrics = json.loads((untargeted / "metrics.json").read_text())
    assert metrics["num_examples"] == 5
    assert metrics["all"]["asr"] == 1.0
    assert metrics["all"]["linf"] <= 0.6 + 1e-5
    rows = list(tfds.as_numpy(tfds.builder_from_directory(str(untargeted / "dataset")).as_dataset(split="train")))
    assert rows[0]["target"] == -1
    assert rows[0]["original"].max() > 200
    status, _, err = program(
        f"--dataset={folder}", "--targets=random:2", "--num_images=3", QUICK, f"--output_dir={two}"
    )
    assert status == 0, err
    assert json.loads((two / "metrics.json").read_text())["num_examples"] == 6


def save_digits(folder, number):
    """Shipped digits as PNG files in `folder`, and their labels."""
    images, labels, _ = sa.shipped.load_sample()
    folder.mkdir(parents=True)
    for index in range(number):
        write_png(folder / f"{index}.png", np.round(images[index] * 255).astype(np.uint8))
    return labels[:number]


def attacked(out):
    """The originals and labels that a run has attacked, by name."""
    (result,) = results(out)
    names = [name.removesuffix("_untargeted") for name in result.example_ids]
    return {name: (image, int(label)) for name, image, label in zip(names, result.images, result.labels, strict=True)}


FEW = ("--num_images=3", "--targets=untargeted", QUICK)


def test_class_folders_are_read_and_their_numbering_reported(tmp_path):
    labels = save_digits(tmp_path / "flat", 4)
    for index, label in enumerate(labels):
        folder = tmp_path / "digits" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / "flat" / f"{index}.png").rename(folder / f"{index}.png")
    out = tmp_path / "out"
    status, _, err = program(f"--dataset={tmp_path / 'digits'}", *FEW, f"--output_dir={out}")
    assert status == 0, err
    numbers = ", ".join(f"{label}={label}" for label in sorted(set(labels)))
    notes = [line for line in err.splitlines() if line.startswith("note: ")]
    assert notes == [f"note: class folders numbered by their names: {numbers}"]
    images, _, _ = sa.shipped.load_sample()
    for name, (image, label) in attacked(out).items():
        folder, _, file = name.partition("/")
        assert label == int(folder)
        np.testing.assert_allclose(image, images[int(file.removesuffix(".png"))], atol=1e-6)


def test_the_file_that_keras_downloads_as_mnist_is_read(tmp_path):
    images, labels, _ = sa.shipped.load_sample()
    grey = np.round(images[..., 0] * 255).astype(np.uint8)
    path, out = tmp_path / "mnist.npz", tmp_path / "out"
    np.savez(path, x_train=grey[4:8], y_train=labels[4:8], x_test=grey[:4], y_test=labels[:4])
    status, _, err = program(f"--dataset={path}", *FEW, f"--output_dir={out}")
    assert status == 0, err
    assert [line for line in err.splitlines() if line.startswith("note: ")] == [
        f"note: in {path}, x_test and y_test are read; --split=train reads the others",
        f"note: in {path}, images (4, 28, 28) are read as grey ones (4, 28, 28, 1)",
    ]
    for name, (image, label) in attacked(out).items():
        index = int(name.removeprefix("mnist_test_"))
        np.testing.assert_allclose(image, images[index], atol=1e-6)
        assert label == labels[index]
    check_mistakes("eval.attack", [([f"--dataset={path}", "--split=all"], "expected --split=train or test with")])


@pytest.mark.parametrize(("delimiter", "encoding"), first_quick([(";", "utf-8"), ("\t", "utf-16")]))
def test_a_table_of_labels_from_a_spreadsheet_is_read(tmp_path, delimiter, encoding):
    labels = save_digits(tmp_path / "digits", 3)
    lines = [
        "Filename;Class_Index;Class_Name",
        *(f"{i}.png;{label}.0;zażółć {label}" for i, label in enumerate(labels)),
    ]
    table = "\r\n".join(lines).replace(";", delimiter)
    (tmp_path / "digits" / "labels.csv").write_bytes(table.encode(encoding))
    out = tmp_path / "out"
    status, _, err = program(f"--dataset={tmp_path / 'digits'}", *FEW, f"--output_dir={out}")
    assert status == 0, err
    assert {name: label for name, (_, label) in attacked(out).items()} == {
        f"{i}.png": label for i, label in enumerate(labels)
    }
    images, _, _ = sa.shipped.load_sample()
    for name, (image, _) in attacked(out).items():  # of the network's size, so not resized
        np.testing.assert_allclose(image, images[int(name.removesuffix(".png"))], atol=1e-6)
    assert "note: " not in err


MISTAKES = [
    (["--bogus=1"], "Unknown command line flag 'bogus'"),
    (["--num_images=0"], "expected --num_images to be a positive whole number, received '0'"),
    (["stray"], "expected flags of the form --name=value, received 'stray'"),
    (["--attack=deepfool"], "admm_linf, or package.module:ClassName of your own, received 'deepfool'"),
    (["--attack_parameters=taw=1"], "expected a parameter of strattack (epsilon, confidence, groups"),
    (["--attack=fgm_l2", "--attack_parameters=steps=3"], "expected a parameter of fgm_l2 (epsilon, confidence, norm"),
    (["--attack_parameters=tau"], "expected --attack_parameters=name=value,..., received 'tau'"),
    (["--attack_parameters=solver=adam"], "expected solver to be one of prox_linear, admm, paper, received 'adam'"),
    (["--model=nothing.keras"], "expected --model to be one of mnist_cnn"),
    (["--model=nothing"], "a network of keras.applications such as inception_v3"),
    (["--weights=none"], "expected --weights with a network of keras.applications, received --model=mnist_cnn"),
    (["--model=resnet50", "--bounds=0,255"], "expected --bounds=0,1 with --model=resnet50, received 0,255"),
    (["--resize=big"], "expected --resize to be auto, none or a number of pixels, received 'big'"),
    (["--resize=²"], "expected --resize to be auto, none or a number of pixels, received '²'"),
    (["--resize=99999999999"], "expected --resize of at most 10000 pixels, received 99999999999"),
    (["--resize=20"], "expected --resize of at least the network's image size 28, received 20"),
    (["--batch_size=0"], "expected --batch_size to be a whole number of at least 1, or auto, received '0'"),
    (["--targets=ten"], "expected --targets to be all, random, random:3, class:3, least_likely or untargeted"),
    (["--targets=²"], "expected --targets to be all, random, random:3, class:3, least_likely or untargeted"),
    (["--dataset=~/nothing.npz"], f"{Path.home()}/nothing.npz"),
    (["--split=trian"], "with sample, which has none: leave --split out"),
    (["--batch_size=²"], "expected --batch_size to be a whole number of at least 1, or auto, received '²'"),
    (["--targets=random:10"], "expected --targets of at most 9, the other classes, received random:10"),
    (["--dataset=mnist", "--data_dir=nowhere"], "expected the TFDS data set 'mnist' in --data_dir"),
    (["--dataset=nowhere/digits"], "expected --dataset to be sample, a TFDS name, a folder or an .npz file"),
    (["--dataset=nothing.npz"], "which does not exist"),
    (["--groups=squares:29"], "expected group_size from 1 to the image's shorter side 28, received 29"),
    (["--tensorboard_dir=README.md/logs"], "expected --tensorboard_dir to be a directory to write in, received README"),
    (["--bounds=1,0", "--model=mnist_cnn"], "expected --bounds=0,1 with --model=mnist_cnn"),
]


def test_a_mistake_gets_one_line_and_status_2(tmp_path):
    check_mistakes("eval.attack", [([*given, f"--output_dir={tmp_path / 'out'}"], text) for given, text in MISTAKES])
    assert not (tmp_path / "out").exists()
    # One by itself, as a user meets it.
    status, out, err = run_program("eval.attack", *MISTAKES[0][0])
    assert (status, out, len(err.strip().splitlines())) == (2, "", 1)


def test_bad_data_gets_one_line_and_status_2(tmp_path):
    images, labels, _ = sa.shipped.load_sample()
    files = {
        "shape": (images[:3, :20], labels[:3], "expected images of the model's shape (28, 28, 1)"),
        "range": (images[:3] * 2, labels[:3], "expected uint8 pixels or floating-point ones in [0, 1]"),
        "text": (images[:3].astype(str), labels[:3], "store the pixels themselves, as uint8"),
        "deep": ((images[:3] * 65535).astype(np.uint16), labels[:3], 'store (images >> 8).astype("uint8")'),
        "bytes": (images[:3] * 255, labels[:3], 'divide them by 255, or store images.astype("uint8")'),
        "objects": (images[:3].astype(object), labels[:3], "received Python objects: store np.stack(images)"),
        "nan": (images[:3] * np.nan, labels[:3], "expected uint8 pixels or floating-point ones in [0, 1]"),
        "labels": (images[:3], labels[:3] + 20, "expected labels from 0 to 9"),
        "count": (images[:3], labels[:2], "expected images (N, H, W, C) and integer labels (N,)"),
        "wrong": (images[:3], (labels[:3] + 1) % 10, "expected at least one correctly classified image"),
    }
    for name, (bad_images, bad_labels, _) in files.items():
        np.savez(tmp_path / f"{name}.npz", images=bad_images, labels=bad_labels)
    mistakes = [([f"--dataset={tmp_path / name}.npz", QUICK], message) for name, (_, _, message) in files.items()]
    (tmp_path / "splits" / "test" / "7").mkdir(parents=True)
    keras.utils.save_img(tmp_path / "splits" / "test" / "7" / "a.png", images[0])
    mistakes.append(([f"--dataset={tmp_path / 'splits'}"], "the splits test: name one of them, such as"))
    check_mistakes("eval.attack", [([*given, f"--output_dir={tmp_path / 'out'}"], text) for given, text in mistakes])
    assert not (tmp_path / "out").exists()
