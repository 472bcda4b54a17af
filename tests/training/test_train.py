"""The training program on a small data set that the tests write themselves."""

import json
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import tf_strattack as sa
from tests.directories import check_all_is_known
from tests.programs import PATIENCE, ROOT, check_mistakes, run_program, server_of, start


@pytest.fixture(scope="module")
def crafted(tiny_mnist, tmp_path_factory):
    """A run of eval.attack on training images."""
    directory = tmp_path_factory.mktemp("crafted") / "run"
    status, _, err = server_of("eval.attack").run(
        "--dataset=mnist",
        f"--data_dir={tiny_mnist}",
        "--split=train",
        "--num_images=3",
        "--targets=random:2",
        "--attack_parameters=max_iterations=30",
        f"--output_dir={directory}",
    )
    assert status == 0, err
    return directory


def arguments(tiny_mnist, output, *more):
    return ["--dataset=mnist", f"--data_dir={tiny_mnist}", "--batch_size=32", f"--output={output}", *more]


def weights(path):
    return keras.saving.load_model(path).get_weights()


def same_weights(one, two):
    return all(np.array_equal(left, right) for left, right in zip(weights(one), weights(two), strict=True))


@pytest.mark.slow
def test_the_same_seed_makes_the_same_network_and_its_card_says_how(tiny_mnist, tmp_path):
    outputs = [tmp_path / name / "net.keras" for name in ("one", "two")]
    for output in outputs:
        given = arguments(tiny_mnist, output, "--epochs=4", "--seed=3")
        status, out, err = run_program("training.train", *given)
        assert status == 0, err
        assert "Epoch 4/4" in out
    card = json.loads(outputs[0].with_suffix(".json").read_text())
    assert (card["variant"], card["epochs"], card["seed"], card["model"]) == ("standard", 4, 3, "mnist_cnn")
    assert {"tensorflow", "keras", "tf_strattack"} <= card["versions"].keys()
    assert card["command"].startswith("python -m training.train --batch_size=32 --data_dir=DIR --dataset=mnist --epoch")
    assert card["test_accuracy"] > 0.5
    assert same_weights(*outputs)
    assert sorted(path.name for path in outputs[0].parent.iterdir()) == ["net.json", "net.keras"]
    status, _, err = run_program("training.train", *given[:-1], f"--output={outputs[0]}")
    assert status == 2
    assert "which exists: choose another or add --overwrite" in err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "kill_after"),
    [
        pytest.param(["--variant=standard", "--precision=mixed_bfloat16"], ["Epoch 2/3"], id="standard"),
        pytest.param(["--variant=pgd", "--pgd_steps=2"], ["Epoch 3/3"], id="pgd"),
        pytest.param(["--variant=noise", "--noise_std=0.1"], ["Epoch 3/3"], id="noise"),
        pytest.param(["--variant=ensemble", "--members=2"], ["Epoch 3/3", "Epoch 2/3"], id="member"),
        pytest.param(["--variant=distilled", "--temperature=5"], ["Epoch 3/3", "Epoch 3/3"], id="student"),
    ],
)
def test_a_killed_run_resumes_and_ends_with_the_same_weights(variant, kill_after, tiny_mnist, tmp_path):
    killed, whole = tmp_path / "killed.keras", tmp_path / "whole.keras"
    given = [*variant, "--epochs=3", "--learning_rate=0.002"]
    process = start("training.train", *arguments(tiny_mnist, killed, *given))
    deadline = time.monotonic() + PATIENCE
    for epoch in kill_after:
        while epoch not in (line := process.stdout.readline()) and time.monotonic() < deadline:
            assert line or process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not killed.exists()
    check_all_is_known(killed.with_suffix(".training"), "training.train", tmp_path / "copy")
    status, _, err = server_of("training.train").run(*arguments(tiny_mnist, killed, *given, "--seed=1"))
    assert status == 2
    assert "differs in seed (0 there, 1 here)" in err
    status, out, err = run_program("training.train", *arguments(tiny_mnist, killed, *given))
    assert status == 0, err
    assert "Epoch 1/3" not in out.split("Epoch 3/3")[0]
    assert not killed.with_suffix(".training").exists()
    status, _, err = server_of("training.train").run(*arguments(tiny_mnist, whole, *given))
    assert status == 0, err
    assert same_weights(killed, whole)
    cards = [json.loads(path.with_suffix(".json").read_text()) for path in (killed, whole)]
    assert cards[0]["epochs"] == 3
    assert cards[0]["test_accuracy"] == cards[1]["test_accuracy"]


@pytest.mark.slow
def test_ctrl_c_ends_a_training_that_the_same_command_resumes(tiny_mnist, tmp_path):
    output = tmp_path / "net.keras"
    process = start("training.train", *arguments(tiny_mnist, output, "--epochs=8"))
    while "Epoch 2/8" not in (line := process.stdout.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "run the same command to resume" in out
    assert "Traceback" not in err
    mine = [output.with_suffix(".training") / name for name in ("notes.txt", "network/notes.txt")]
    for path in mine:
        path.write_text("mine")
    status, resumed, err = run_program("training.train", *arguments(tiny_mnist, output, "--epochs=8"))
    assert status == 0, err
    assert "Epoch 1/8" not in resumed
    assert "Epoch 8/8" in resumed
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)
    left = {path.name for path in output.with_suffix(".training").rglob("*")}
    assert left == {"notes.txt", "network", "config.json", "lock"}
    # A training that is finished, whatever lies in the folder of its backup.
    network = output.read_bytes()
    status, _, err = server_of("training.train").run(*arguments(tiny_mnist, output, "--epochs=8"))
    assert status == 2
    assert "which exists: choose another or add --overwrite" in err
    assert output.read_bytes() == network


KILLED_BEFORE_ITS_CARD = """
import os, sys
from training import program, train
program.write_card = lambda *_, **__: os._exit(9)
train.cli()
"""


@pytest.mark.slow
def test_a_training_that_was_stopped_before_its_card_knows_its_network_again(tiny_mnist, tmp_path):
    output = tmp_path / "net.keras"
    given = [str(argument) for argument in arguments(tiny_mnist, output, "--epochs=1")]
    exists = [(given, f"expected a new file, received {output}, which exists: choose another or add --overwrite")]
    output.with_suffix(".training").mkdir()
    output.write_bytes(b"mine")
    check_mistakes("training.train", exists)  # a folder of that name alone is no training under way
    output.unlink()
    killed = subprocess.run([sys.executable, "-c", KILLED_BEFORE_ITS_CARD, *given], cwd=ROOT, check=False)
    assert killed.returncode == 9
    network = output.read_bytes()
    output.write_bytes(b"mine")
    check_mistakes("training.train", exists)
    assert output.read_bytes() == b"mine"
    output.write_bytes(network)
    status, _, err = run_program("training.train", *given)
    assert status == 0, err
    assert output.read_bytes() == network
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.json", "net.keras"]


def test_adversarial_examples_are_added_with_their_correct_labels(tiny_mnist, crafted, tmp_path):
    output = tmp_path / "net.keras"
    logs = tmp_path / "logs"
    given = ["--variant=adversarial", f"--adversarial_dataset={crafted}", "--epochs=1", f"--tensorboard_dir={logs}"]
    status, _, err = server_of("training.train").run(*arguments(tiny_mnist, output, *given))
    assert status == 0, err
    card = json.loads(output.with_suffix(".json").read_text())
    assert card["examples_added"] == 6
    assert card["failed_examples_left_out"] == 0
    assert card["examples"]["attack"] == "strattack"
    assert card["examples"]["command"].startswith("python -m eval.attack ")
    assert list(logs.rglob("events.out.tfevents*"))
    assert sa.Classifier.load(output).predict(sa.shipped.load_sample().images[:2]).shape == (2, 10)


MISTAKES = [
    (["--data_dir=nowhere"], "expected the TFDS data set 'mnist' in --data_dir"),
    (["--output=net.h5"], "expected --output to end in .keras"),
    (["--dataset=imagenet"], "expected --dataset to be one of cifar10, mnist, received 'imagenet'"),
    (["--epochs=0"], "expected --epochs to be a positive whole number, received '0'"),
    (["--seed=4294967296"], "2147483646"),
    (["--output=README.md/net.keras", "--data_dir=TINY"], "expected --output's backup to be a directory to write in"),
    (["--tensorboard_dir=README.md"], "expected --tensorboard_dir to be a directory to write in, received README.md"),
    (["--variant=distilled"], "expected --temperature with --variant=distilled, received none"),
    (["--variant=distilled", "--temperature=0"], "expected --temperature to be a number above 0, received 0"),
    (["--temperature=10"], "expected --temperature with --variant=distilled only, received it with standard"),
    (["--variant=adversarial"], "expected --adversarial_dataset with --variant=adversarial, received none"),
    (["--variant=noise", "--noise_std=0"], "expected --noise_std to be a number above 0, received 0"),
    (["--noise_std=0.1"], "expected --noise_std with --variant=noise only, received it with standard"),
    (["--variant=noise", "--noise_std=25"], "expected --noise_std in [0, 1] scale, such as 0.25, received 25"),
    (["--variant=ensemble", "--members=1"], "expected --members to be a whole number of at least 2, received '1'"),
    (["--variant=ensemble", "--seed=2147483646"], "expected --seed of at most 2147483645, one for each member"),
    (["--members=2", "--variant=pgd"], "expected --members with --variant=ensemble only, received it with pgd"),
    (["--pgd_steps=3"], "expected --pgd_steps with --variant=pgd only, received it with standard"),
    (
        ["--variant=adversarial", "--adversarial_dataset=nowhere"],
        "a finished run of eval.generate or eval.attack, received nowhere, which does not exist",
    ),
]


def test_a_mistake_gets_one_line_and_status_2(tiny_mnist):
    check_mistakes(
        "training.train",
        [([flag.replace("TINY", str(tiny_mnist)) for flag in given], message) for given, message in MISTAKES],
    )
    # One by itself, as a user meets it.
    status, out, err = run_program("training.train", *MISTAKES[3][0])
    assert (status, out, len(err.strip().splitlines())) == (2, "", 1)


def test_the_backup_of_others_is_refused_before_the_data_are_read(tmp_path):
    for name, content in (("config.json", '{"architectures": []}'), ("model.safetensors", "weights")):
        (tmp_path / "net.training").mkdir(exist_ok=True)
        (tmp_path / "net.training" / name).write_text(content)
    given = [f"--output={tmp_path / 'net.keras'}", "--overwrite", "--data_dir=nowhere"]
    check_mistakes("training.train", [(given, "expected --output's backup to be new, empty or a run of these")])
    assert (tmp_path / "net.training" / "model.safetensors").read_text() == "weights"


def test_a_sample_that_cannot_be_written_is_refused_and_nothing_is_replaced(tmp_path):
    for name in ("x.txt.npz", "file", "old.npz"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "dir.npz").mkdir()
    (tmp_path / "link.npz").symlink_to("nowhere")
    mistakes = [
        ("x.txt", "expected --output to end in .npz, received"),
        ("file/x.npz", f"expected --output in a directory, received {tmp_path}/file/x.npz, but {tmp_path}/file is a"),
        ("dir.npz", "expected --output to be a file, received"),
        ("old.npz", "which exists: choose another or add --overwrite"),
        ("link.npz", "which exists: choose another or add --overwrite"),
    ]
    check_mistakes("training.sample", [([f"--output={tmp_path / name}"], message) for name, message in mistakes])
    check_mistakes("training.sample", [([f"--output={tmp_path / 'x.txt'}", "--overwrite"], "to end in .npz")])
    assert {path.read_text() for path in tmp_path.iterdir() if path.is_file()} == {"mine"}


def test_the_sample_program_takes_the_first_digits_of_the_test_split(tiny_mnist, tmp_path):
    output = tmp_path / "new" / "sample.npz"
    status, _, err = server_of("training.sample").run(f"--data_dir={tiny_mnist}", "--number=7", f"--output={output}")
    assert status == 0, err
    with np.load(output) as file:
        assert file["images"].shape == (7, 28, 28, 1)
        np.testing.assert_array_equal(file["indices"], np.arange(7))
    assert [path.name for path in output.parent.iterdir()] == ["sample.npz"]
