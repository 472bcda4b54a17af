"""What `eval.generate` reads and refuses, and who reads what it wrote."""

import functools
import json

import numpy as np
import pytest

import tf_strattack as sa
from tests.directories import examples
from tests.programs import QUICK, check_mistakes, run_code, run_program, server_of
from training.adversarial_dataset import read_adversarial_dataset


@pytest.fixture(scope="module")
def program():
    return server_of("eval.generate").run


@pytest.mark.slow
def test_a_later_version_of_the_code_verifies_but_does_not_resume(program, tmp_path):
    arguments = ["--num_images=3", "--attack=fgm_l2", f"--output_dir={tmp_path / 'out'}"]
    code = "import eval.generate; import eval.runs.engine as e; e.code_version = lambda: '0.0.1 0'; eval.generate.cli()"
    status, _, err = run_code(code, *arguments)
    assert status == 0, err
    status, printed, err = program(*arguments, "--verify")
    assert status == 0, err
    assert "3 examples in 1 shard" in printed
    status, _, err = program(*arguments)
    assert status == 2
    assert "differs in code_version ('0.0.1 0' there" in err
    status, _, err = program(*arguments, "--verify", "--seed=1")
    assert status == 2
    assert "received other ones: seed (0 there, 1 here)" in err


@pytest.mark.slow
def test_training_reads_what_was_generated(program, tiny_mnist, tmp_path):
    arguments = [
        "--dataset=mnist",
        f"--data_dir={tiny_mnist}",
        "--num_images=12",
        QUICK,
        "--quantize=uint8",
        f"--output_dir={tmp_path / 'out'}",
    ]
    status, _, err = program(*arguments)
    assert status == 0, err
    rows = examples(tmp_path / "out")
    assert set(rows) == {f"mnist_train_{i}_to_{row['target']}" for i, row in enumerate(rows.values())}
    found = read_adversarial_dataset(tmp_path / "out", dataset="mnist", image_shape=(28, 28, 1), num_classes=10)
    good = [row for row in rows.values() if row["success"]]
    assert (len(found.split), found.failed) == (len(good), 12 - len(good))
    np.testing.assert_array_equal(found.split.images, np.stack([row["image"] for row in good]).astype(np.float32) / 255)
    np.testing.assert_array_equal(found.split.probabilities.argmax(axis=1), [row["label"] for row in good])
    (tmp_path / "out" / "dataset" / "dataset_info.json").unlink()
    with pytest.raises(sa.InputError, match=r"of a finished run of eval\.generate or eval\.attack"):
        read_adversarial_dataset(tmp_path / "out", dataset="mnist", image_shape=(28, 28, 1), num_classes=10)


@pytest.mark.slow
def test_float_images_in_the_scale_of_the_network_and_untargeted(program, tmp_path):
    images, labels, _ = sa.shipped.load_sample()
    np.savez(tmp_path / "digits.npz", images=images[:12], labels=labels[:12])
    arguments = [
        f"--dataset={tmp_path / 'digits.npz'}",
        "--targets=untargeted",
        "--shard_size=5",
        QUICK,
        f"--output_dir={tmp_path / 'out'}",
    ]
    status, out, err = program(*arguments)
    assert status == 0, err
    assert "8-bit" not in out
    rows = examples(tmp_path / "out")
    assert len(rows) == 12
    assert all(row["target"] == -1 and row["image"].dtype == np.float32 for row in rows.values())
    assert "before_quantization" not in json.loads((tmp_path / "out" / "metrics.json").read_text())
    np.testing.assert_array_equal(rows["digits_3_untargeted"]["original"], images[3])
    status, out, err = program(*arguments, "--verify")
    assert status == 0, err
    np.savez(tmp_path / "digits.npz", images=images[1:13], labels=labels[1:13])
    status, _, err = program(*arguments)
    assert status == 2
    assert "differs in dataset_version" in err


@pytest.mark.slow
def test_labels_that_are_not_those_of_the_network_are_noted_also_when_the_plan_was_made_earlier(program, tmp_path):
    images, labels, _ = sa.shipped.load_sample()
    wrong = np.where(np.arange(12) < 10, (labels[:12] + 1) % 10, labels[:12])
    np.savez(tmp_path / "digits.npz", images=images[:12], labels=wrong)
    arguments = [f"--dataset={tmp_path / 'digits.npz'}", QUICK, f"--output_dir={tmp_path / 'out'}"]
    for run in (program, functools.partial(run_program, "eval.generate")):
        status, out, err = run(*arguments)
        assert status == 0, err
        assert err.count("note: the network classifies only 2 of 12 images correctly") == 1
        assert "clean accuracy    16.7 %  2 of 12 images" in out
        assert "1 shard in" in out
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["clean_accuracy"] == 2 / 12
    assert len(metrics["notes"]) == 1


def test_list_attacks_works_here_too(program):
    status, out, _ = program("--list_attacks")
    assert status == 0
    assert out.startswith("strattack ")


def test_a_mistake_gets_one_line_and_status_2(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "config.json").write_text('{"attack": "strattack", "seed": 0}')
    out = f"--output_dir={tmp_path / 'out'}"
    mistakes = [
        (["--shard_index=1"], "expected --num_shards with --shard_index, received none"),
        (["--num_shards=2"], "expected --shard_index with --num_shards, received none"),
        (["--num_shards=2", "--shard_index=2", out], "expected --shard_index from 0 to 1, received 2"),
        (["--num_shards=2", "--shard_index=0"], "expected --output_dir, the same for all jobs"),
        (["--num_shards=2", "--shard_index=0", out, "--overwrite"], "would remove each other's shards"),
        (["--png_dir=png"], "expected --quantize=uint8 with --png_dir"),
        (["--quantize=int4"], "--quantize to be one of uint8, received 'int4'"),
        (["--format=csv"], "expected --format of tfds and parquet, received 'csv'"),
        (["--format="], "expected --format of tfds and parquet, received ''"),
        (["--workers=2"], "expected --ray with --workers or --cpus_per_worker"),
        (["--verify"], "expected --output_dir with --verify, as it says which run is meant, received none"),
        (["--verify", "--overwrite", out], "expected --verify without --overwrite, received both"),
        (["--verify", out], "expected --output_dir to hold a run, received"),
        (["--verify", f"--output_dir={tmp_path / 'old'}"], "which does not, or is one of version 0.2.0"),
        (["--ray=nowhere", "--num_images=4", out], "no address of the form host:port"),
        (
            ["--ray=127.0.0.1:1", "--num_images=4", out],
            "expected a Ray cluster at --ray=127.0.0.1:1, received: [Errno 111]",
        ),
        (["--ray=nowhere:1", "--num_images=4", out], "expected a Ray cluster at --ray=nowhere:1"),
        (["--dataset=mnist", "--data_dir=nowhere", out], "expected the TFDS data set 'mnist' in --data_dir"),
        ([f"--output_dir={tmp_path / 'mine'}", "--overwrite"], "to be new, empty or a run"),
        (["--tensorboard_dir=README.md", out], "expected --tensorboard_dir to be a directory to write in"),
        (["--tensorboard_dir=logs", "--ray=local", out], "expected --tensorboard_dir without --ray, whose workers"),
        (["--quantize=uint8", f"--png_dir={tmp_path / 'mine'}", out], "expected --png_dir to be new, empty or a run"),
        (["--quantize=uint8", f"--png_dir={tmp_path / 'out'}", out], "expected --png_dir outside --output_dir"),
    ]
    check_mistakes("eval.generate", mistakes)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"
    assert not (tmp_path / "out").exists()
