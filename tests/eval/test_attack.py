"""The program end to end on shipped data: files, resumption, and one line for each mistake."""

import csv
import json
import os
import shutil
import signal
import time

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

import tf_strattack as sa
from tests.directories import check_all_is_known, results, shards
from tests.programs import check_mistakes, run_program, server_of, start
from tests.reports import without_spans
from tests.schemas import check_schema
from tests.slow import first_quick
from tf_strattack.images import write_png

QUICK = "--attack_parameters=max_iterations=15,fallback.max_iterations=15,refine.max_iterations=5"


def program(*arguments):
    return server_of("eval.attack").run(*arguments)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run") / "out"
    arguments = ["--num_images=4", "--batch_size=15", f"--output_dir={directory}"]
    status, out, err = program(*arguments)
    assert status == 0, err
    return directory, arguments, out, err


def test_metrics_json_keeps_its_contract_and_agrees_with_the_dataset(run):
    directory, _, out, _ = run
    metrics = json.loads((directory / "metrics.json").read_text())
    check_schema("metrics", metrics)
    expected = {
        "attack",
        "attack_parameters",
        "model",
        "dataset",
        "num_images",
        "skipped_misclassified",
        "clean_accuracy",
        "robust_accuracy",
        "notes",
        "num_examples",
        "seconds_per_example",
        "gradient_evaluations_per_example",
        "forward_evaluations_per_example",
        "best",
        "average",
        "worst",
        "all",
        "versions",
        "seed",
        "finished_at",
    }
    assert expected <= metrics.keys()
    block = {"asr", "l0", "l1", "l2", "linf", "nonzero_groups", "acp", "anc", "d20", "num_successes", "num_examples"}
    for case in ("best", "average", "worst", "all"):
        assert block == metrics[case].keys()
    assert (metrics["num_images"], metrics["num_examples"]) == (4, 36)
    assert metrics["all"]["asr"] == 1.0
    assert metrics["gradient_evaluations_per_example"] <= 500

    builder = tfds.builder_from_directory(str(directory / "dataset"))
    rows = list(tfds.as_numpy(builder.as_dataset(split="train")))
    assert len(rows) == len({row["example_id"] for row in rows}) == 36
    distances = {"l0", "l1", "l2", "linf"}
    assert rows[0].keys() == {"image", "original", "label", "target", "success", "example_id"} | distances
    for name in distances:
        np.testing.assert_allclose(np.mean([row[name] for row in rows]), metrics["all"][name], rtol=1e-5)
    assert rows[0]["image"].dtype == np.float32
    adversarial, original = (np.stack([row[name] for row in rows]) for name in ("image", "original"))
    predicted = sa.shipped.load_classifier().predict(adversarial).argmax(axis=1)
    np.testing.assert_array_equal(predicted, [row["target"] for row in rows])
    np.testing.assert_allclose(sa.metrics.l2(adversarial - original).mean(), metrics["all"]["l2"], rtol=1e-5)
    assert "average" in out
    assert "100.0 %" in out


def test_the_report_has_the_command_and_every_example(run):
    directory, _, _, _ = run
    report = (directory / "report.html").read_text()
    assert json.loads((directory / "metrics.json").read_text())["command"] in without_spans(report)
    data = json.loads(report.partition('id="data">')[2].partition("</script>")[0])
    assert len(data["gallery"]["examples"]) == 36
    assert sum(cell[3] for cell in data["matrix"]["cells"]) == 36


def test_the_bar_shows_the_success_rate(run):
    assert "success 36/36 = 100%" in run[3]


def test_the_figure_is_a_picture_of_some_size(run):
    import matplotlib.image

    picture = matplotlib.image.imread(run[0] / "examples.png")
    assert picture.shape[0] > 800
    assert picture.shape[1] > 800
    assert picture[..., :3].std() > 0.1


def test_the_same_command_does_only_what_is_missing(run, tmp_path):
    directory, _, _, _ = run
    copy = tmp_path / "out"
    shutil.copytree(directory, copy)
    before = results(copy)[1]
    shards(copy)[1].unlink()
    kept = shards(copy)[0].stat().st_mtime_ns
    status, _, err = program("--num_images=4", "--batch_size=15", f"--output_dir={copy}")
    assert status == 0, err
    assert shards(copy)[0].stat().st_mtime_ns == kept
    after = results(copy)[1]
    np.testing.assert_array_equal(after.example_ids, before.example_ids)
    np.testing.assert_array_equal(after.success, before.success)


def test_a_run_of_another_configuration_is_refused_and_kept(run):
    directory, arguments, _, _ = run
    before = (directory / "metrics.json").read_bytes()
    status, _, err = program(*arguments, "--seed=7")
    assert status == 2
    assert "differs in seed (0 there, 7 here)" in err
    assert (directory / "metrics.json").read_bytes() == before


def test_all_that_was_written_is_known(run, tmp_path):
    check_all_is_known(run[0], "eval.attack", tmp_path / "copy")


def test_others_files_in_a_run_stay_when_it_is_resumed_and_when_it_is_replaced(run, tmp_path):
    directory, arguments, _, _ = run
    copy = tmp_path / "out"
    shutil.copytree(directory, copy)
    mine = [copy / name for name in ("notes.txt", "mine/a.txt", "shards/mine.json", "dataset/notes.txt", "dataset/a/b")]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    shards(copy)[1].unlink()
    status, _, err = program(*arguments[:-1], f"--output_dir={copy}")
    assert status == 0, err
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)
    assert len(tfds.builder_from_directory(str(copy / "dataset")).as_dataset(split="train")) == 36
    status, _, err = program("--num_images=1", "--targets=random", QUICK, f"--output_dir={copy}", "--overwrite")
    assert status == 0, err
    assert json.loads((copy / "metrics.json").read_text())["num_examples"] == 1
    assert len(tfds.builder_from_directory(str(copy / "dataset")).as_dataset(split="train")) == 1
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)
    assert sorted(os.listdir(copy / "shards")) == ["00000.json", "mine.json"]
    assert not list(copy.rglob("*.partial"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    status, _, err = program(f"--output_dir={tmp_path / 'mine'}", "--overwrite")
    assert status == 2
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_examples_for_which_nothing_is_found_begin_at_images_of_the_data_set(tmp_path):
    hopeless = "--attack_parameters=max_iterations=1,fallback=none,refine=false,epsilon=none"
    status, _, err = program(hopeless, "--num_images=30", "--targets=random", f"--output_dir={tmp_path / 'run'}")
    assert status == 0, err
    result = sa.AttackResult.concatenate(results(tmp_path / "run"))
    assert result.success.all()
    assert set(result.origin) == {"starting point"}


@pytest.mark.slow
def test_ctrl_c_keeps_the_finished_shards(tmp_path):
    arguments = ["--num_images=4", "--batch_size=9", f"--output_dir={tmp_path / 'out'}"]
    process = start("eval.attack", *arguments)
    deadline = time.monotonic() + 120
    while not (tmp_path / "out" / "shards" / "00000.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert f"interrupted; to resume {tmp_path / 'out'}: python -m eval.attack" in err
    assert "Traceback" not in err
    done = len(os.listdir(tmp_path / "out" / "shards"))
    assert 1 <= done < 4
    status, _, err = program(*arguments)
    assert status == 0, err
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["num_examples"] == 36


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
    (["--num_images=0"], "0 is not a positive integer"),
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


def test_list_attacks_names_every_parameter():
    status, out, _ = program("--list_attacks=strattack_overlap")
    assert status == 0
    for text in ("Parameters of strattack_overlap", "group_size=3", "sigma_quantile=0.41", "solver=prox_linear"):
        assert text in out
