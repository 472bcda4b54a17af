"""Examples written by a run come back as training data: scale, labels, and what is refused."""

import numpy as np
import pytest

import tf_strattack as sa
from eval.runs.rows import FLOAT32, Schema, ShardFile, rows_of
from eval.runs.tfds_directory import shard_name, write_info, write_shard
from training.adversarial_dataset import read_adversarial_dataset

SHAPE = (3, 2, 1)


def result(success, bounds=(0.0, 1.0)):
    number = len(success)
    images = np.random.default_rng(0).uniform(*bounds, size=(number, *SHAPE)).astype(np.float32)
    return sa.AttackResult(
        images,
        np.clip(images + 0.1, *bounds),
        np.array(success),
        np.arange(number, dtype=np.int32),
        (np.arange(number, dtype=np.int32) + 1) % 10,
        np.ones(number, bool),
        np.ones(number, np.float32),
        np.ones(number, np.int32),
        np.ones(number, np.int32),
        np.ones(number, np.float32),
        bounds=bounds,
        example_ids=np.array([f"train_{i}_to_{(i + 1) % 10}" for i in range(number)]),
    )


def written(directory, examples, **facts):
    made_by = {"dataset": "mnist", "split": "train", "bounds": examples.bounds, "attack": "strattack", **facts}
    dataset, schema = directory / "dataset", Schema(SHAPE, FLOAT32)
    dataset.mkdir(parents=True)
    path = dataset / shard_name(0, 1)
    write_shard(path, schema, rows_of(examples, FLOAT32))
    write_info(dataset, schema, [ShardFile(path.name, "", path.stat().st_size, len(examples))], made_by)
    return directory


def read(directory, **options):
    return read_adversarial_dataset(
        directory, **{"dataset": "mnist", "image_shape": SHAPE, "num_classes": 10, **options}
    )


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-0.5, 0.5), (0.0, 255.0)])
def test_successful_examples_come_in_unit_scale_with_their_true_labels(bounds, tmp_path):
    examples = result([True, False, True, True], bounds)
    found = read(written(tmp_path, examples))
    assert found.failed == 1
    assert found.made_by["attack"] == "strattack"
    low, high = bounds
    np.testing.assert_allclose(found.split.images, (examples.adversarial[[0, 2, 3]] - low) / (high - low), atol=1e-6)
    np.testing.assert_array_equal(found.split.probabilities, np.eye(10)[[0, 2, 3]])


def test_the_directory_of_the_run_and_that_of_its_data_set_mean_the_same(tmp_path):
    directory = written(tmp_path, result([True]))
    np.testing.assert_array_equal(read(directory).split.images, read(directory / "dataset").split.images)


@pytest.mark.parametrize(
    ("success", "facts", "options", "message"),
    [
        ([True], {"split": "test"}, {}, "made from the training split of mnist, received .* split 'test'"),
        ([True], {"split": "train+test"}, {}, "made from the training split of mnist"),
        ([True], {"dataset": "sample"}, {}, "received .* from dataset 'sample'"),
        ([True], {}, {"dataset": "cifar10"}, "made from the training split of cifar10"),
        ([True], {}, {"image_shape": (28, 28, 1)}, r"of images \(28, 28, 1\), received \(3, 2, 1\)"),
        ([False, False], {}, {}, "expected successful examples in --adversarial_dataset, received 2 failed ones"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(success, facts, options, message, tmp_path):
    directory = written(tmp_path, result(success), **facts)
    with pytest.raises(sa.InputError, match=message):
        read(directory, **options)


def test_a_part_of_the_training_split_will_do(tmp_path):
    assert len(read(written(tmp_path, result([True]), split="train[:10%]")).split) == 1


def test_a_directory_of_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no data set")
    with pytest.raises(sa.InputError, match="expected the dataset directory of a finished run"):
        read(tmp_path)
