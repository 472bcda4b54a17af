"""Which images and targets are attacked."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from eval.examples import Selection, make_shards, parse_targets
from eval.inputs.datasets import Record, read_dataset


def records(number=40):
    sample = read_dataset("sample", data_dir=None, split="test", download=False).records
    return [next(sample) for _ in range(number)]


def test_misclassified_images_come_on_top(mnist):
    wrong = [record._replace(label=(record.label + 1) % 10, name=f"wrong_{i}") for i, record in enumerate(records(5))]
    mixed = [item for pair in zip(wrong, records(5), strict=True) for item in pair]
    selection = Selection(mixed, mnist, 4)
    names = [record.name for record in selection]
    assert len(names) == selection.attacked == 4
    assert not any(name.startswith("wrong") for name in names)
    assert selection.skipped == 4


def test_targets_depend_on_seed_and_position_alone(mnist):
    def targets(number, seed, rows=7):
        shards = make_shards(Selection(records(), mnist, number), mnist, 3, rows=rows, seed=seed)
        return np.concatenate([shard.targets for shard in shards])

    np.testing.assert_array_equal(targets(10, 0)[:12], targets(4, 0))
    np.testing.assert_array_equal(targets(10, 0, rows=100), targets(10, 0))
    assert not np.array_equal(targets(10, 0), targets(10, 1))


@pytest.mark.parametrize(("text", "per_image"), [("all", 9), ("random", 1), ("4", 4), ("untargeted", 1)])
def test_shards_hold_every_pair_once(mnist, text, per_image):
    selection = Selection(records(), mnist, 6)
    number = parse_targets(text)
    shards = list(make_shards(selection, mnist, number, rows=5, seed=0))
    ids = np.concatenate([shard.example_ids for shard in shards])
    assert len(ids) == len(set(ids)) == 6 * per_image == 6 * selection.examples_per_image(number)
    assert all(len(shard.labels) == 5 for shard in shards[:-1])
    if text != "untargeted":
        assert all((shard.targets != shard.labels).all() for shard in shards)


def test_images_are_brought_to_the_classifier_s_scale(mnist):
    scaled = sa.Classifier.from_callable(lambda x: mnist.logits(x + 0.5), bounds=(-0.5, 0.5))
    first = next(iter(Selection(records(3), scaled, 1)))
    np.testing.assert_allclose(first.image, records(1)[0].image - 0.5)


def test_an_empty_data_set_is_refused(mnist):
    with pytest.raises(sa.InputError, match="expected at least one image in --dataset, received none"):
        Selection([], mnist, 1)


def test_an_image_of_another_shape_is_refused(mnist):
    record = Record("big", np.zeros((32, 32, 1), np.float32), 0)
    with pytest.raises(
        sa.InputError, match=r"expected images of the model's shape \(28, 28, 1\), received \(32, 32, 1\)"
    ):
        Selection([record], mnist, 1)


def test_an_untrained_network_s_images_get_its_own_labels(mnist):
    wrong = [record._replace(label=(record.label + 1) % 10) for record in records(5)]
    selection = Selection(wrong, mnist, 5, own_labels=True)
    assert [record.label for record in selection] == [record.label for record in records(5)]
    assert selection.skipped == 0


def test_images_of_several_sizes_are_refused_where_the_network_takes_any():
    classifier = sa.Classifier.from_callable(lambda x: tf.reduce_mean(x, axis=[1, 2]))
    pictures = [Record(f"{side}", np.eye(side, dtype=np.float32)[..., None] * [0, 0, 1.0], 2) for side in (8, 9)]
    pictures = [record._replace(image=record.image.astype(np.float32)) for record in pictures]
    with pytest.raises(sa.InputError, match=r"received \(9, 9, 3\) in 9: add --resize=PIXELS"):
        list(Selection(pictures, classifier, 2))
