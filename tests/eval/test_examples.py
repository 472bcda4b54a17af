"""Which images and targets are attacked."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from eval.inputs.datasets import Record, read_dataset
from eval.inputs.examples import Selection, make_shards
from eval.inputs.targets import parse_targets


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
        three = parse_targets("random:3")
        shards = make_shards(Selection(records(), mnist, number), mnist, three, rows=rows, seed=seed)
        return np.concatenate([shard.targets for shard in shards])

    np.testing.assert_array_equal(targets(10, 0)[:12], targets(4, 0))
    np.testing.assert_array_equal(targets(10, 0, rows=100), targets(10, 0))
    assert not np.array_equal(targets(10, 0), targets(10, 1))


@pytest.mark.parametrize(
    ("text", "per_image"),
    [("all", 9), ("random", 1), ("random:4", 4), ("class:3", 1), ("least_likely", 1), ("untargeted", 1)],
)
def test_shards_hold_every_pair_once(mnist, text, per_image):
    targets = parse_targets(text)
    assert str(targets) == text
    shards = list(make_shards(Selection(records(), mnist, 6, targets), mnist, targets, rows=5, seed=0))
    ids = np.concatenate([shard.example_ids for shard in shards])
    assert len(ids) == len(set(ids)) == 6 * per_image == 6 * targets.per_image(10)
    assert all(len(shard.labels) == 5 for shard in shards[:-1])
    if text != "untargeted":
        assert all((shard.targets != shard.labels).all() for shard in shards)


def test_the_target_is_the_class_asked_for_and_its_own_images_are_left_out(mnist):
    targets = parse_targets("class:7")
    (shard,) = make_shards(Selection(records(), mnist, 20, targets), mnist, targets, rows=99, seed=0)
    assert (shard.targets == 7).all()
    assert len(shard.labels) == 20
    assert 7 in [record.label for record in records()]
    assert 7 not in shard.labels


def test_a_data_set_of_nothing_but_the_target_is_refused(mnist):
    sevens = [record for record in records() if record.label == 7]
    with pytest.raises(sa.InputError, match="expected at least one image of another class than 7, the target, in"):
        Selection(sevens, mnist, 1, parse_targets("class:7"))


def test_the_least_likely_class_is_that_of_lowest_score(mnist):
    targets = parse_targets("least_likely")
    (shard,) = make_shards(Selection(records(), mnist, 20, targets), mnist, targets, rows=99, seed=0)
    np.testing.assert_array_equal(shard.targets, mnist.predict(shard.images).argmin(axis=1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3", "expected --targets=random:3 for random targets of each image, or --targets=class:3 for class 3 as"),
        ("random:0", "expected --targets to be all, random, random:3, class:3, least_likely or untargeted, received"),
        ("class", "expected --targets to be all, random, random:3, class:3, least_likely or untargeted, received"),
        ("class:ten", "least_likely or untargeted, received 'class:ten'"),
        ("all:3", "least_likely or untargeted, received 'all:3'"),
    ],
)
def test_a_number_alone_and_other_words_are_refused(text, message):
    with pytest.raises(sa.InputError, match=message):
        parse_targets(text)


@pytest.mark.parametrize(
    ("text", "message"), [("random:10", "at most 9, the other classes"), ("class:10", "=class:0 to class:9, received")]
)
def test_targets_that_the_network_does_not_have_are_refused(mnist, text, message):
    with pytest.raises(sa.InputError, match=message):
        Selection(records(3), mnist, 1, parse_targets(text))


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
