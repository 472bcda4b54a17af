"""The plan of a run: its examples, from any shard on, and its file."""

import dataclasses

import numpy as np
import pytest

from eval.inputs.datasets import read_dataset
from eval.inputs.examples import Selection, make_shards
from eval.inputs.targets import parse_targets
from eval.runs.plan import keep_plan
from tests.builders import plan_of, sample_data


@pytest.fixture(scope="module")
def sample():
    return sample_data()


@pytest.mark.parametrize(
    ("targets", "num_images"),
    [("random:3", 20), ("all", 5), ("untargeted", 40), ("random", None), ("class:3", 20), ("least_likely", 20)],
)
def test_the_plan_makes_the_examples_of_a_run(sample, mnist, targets, num_images):
    plan = plan_of(sample, mnist, targets=targets, num_images=num_images)
    ours = dict(plan.shards(sample, mnist.bounds, range(plan.num_shards)))
    chosen = parse_targets(targets)
    theirs = list(make_shards(Selection(sample.records, mnist, num_images, chosen), mnist, chosen, rows=7, seed=0))
    assert list(ours) == list(range(len(theirs)))
    assert plan.num_examples == sum(len(shard.images) for shard in theirs)
    for mine, other in zip(ours.values(), theirs, strict=True):
        for part, wanted in zip(mine, other, strict=True):
            np.testing.assert_array_equal(part, wanted)


def test_any_shards_can_be_read_without_the_others(sample, mnist):
    plan = plan_of(sample, mnist, num_images=200)
    every = dict(plan.shards(sample, mnist.bounds, range(plan.num_shards)))
    some = [0, 1, 5, 60, 61, 85]
    for number, shard in plan.shards(sample, mnist.bounds, some):
        np.testing.assert_array_equal(shard.images, every[number].images)
        np.testing.assert_array_equal(shard.example_ids, every[number].example_ids)


def test_a_tfds_data_set_is_opened_in_the_middle(tiny_mnist):
    data = read_dataset("mnist", data_dir=str(tiny_mnist), split="train", download=False)
    every = list(data.records)
    assert data.version == "mnist/3.0.1"
    for start in (1, 150, 399, 400):
        later = list(data.records_from(start))
        assert [r.name for r in later] == [r.name for r in every[start:]]
        assert [(r.position, r.label) for r in later] == [(r.position, r.label) for r in every[start:]]
        for ours, theirs in zip(later, every[start:], strict=True):
            np.testing.assert_array_equal(ours.image, theirs.image)


def test_a_plan_is_kept_and_made_again_only_where_it_is_not_its_own(sample, mnist, tmp_path, capsys):
    plan = plan_of(sample, mnist)
    path = tmp_path / "plan.npz"
    made = []

    def keep():
        def make():
            made.append(1)
            return plan

        assert keep_plan(path, plan.configuration, make).digest == plan.digest
        return len(made), capsys.readouterr().out

    assert keep() == (1, "")
    assert keep() == (1, "")
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    others = plan_of(sample, mnist, seed=3, configuration="of another run")
    keep_plan(tmp_path / "others.npz", others.configuration, lambda: others)
    forged = dataclasses.replace(others, configuration=plan.configuration)
    np.savez_compressed(tmp_path / "forged.npz", **dataclasses.asdict(forged), digest=plan.digest)
    damages = {
        "its content has changed": [whole[:100], b"", bytes(flipped), (tmp_path / "forged.npz").read_bytes()],
        "it belongs to another configuration": [(tmp_path / "others.npz").read_bytes()],
    }
    number = 1
    for reason, contents in damages.items():
        for content in contents:
            path.write_bytes(content)
            number += 1
            assert keep() == (number, f"plan.npz: {reason}; made again\n")
            assert path.read_bytes() == whole


def test_whatever_differs_makes_another_plan(sample, mnist):
    plan = plan_of(sample, mnist)
    changes = [{"seed": 1}, {"targets": "random"}, {"shard_size": 8}, {"configuration": "b"}, {"skipped": 1}]
    for change in changes:
        assert dataclasses.replace(plan, **change).digest != plan.digest


def test_starting_points_are_some_of_each_class_by_seed_and_label_alone(sample, mnist):
    plan = plan_of(sample, mnist, num_images=60)
    points = plan.starting_points(sample, mnist.bounds)
    labels = mnist.classify(points)
    assert np.bincount(labels, minlength=10).tolist() == np.minimum(np.bincount(plan.labels, minlength=10), 3).tolist()
    again = plan_of(sample, mnist, num_images=60, targets="random").starting_points(sample, mnist.bounds)
    np.testing.assert_array_equal(again, points)
    other = dataclasses.replace(plan, seed=plan.seed + 1).starting_points(sample, mnist.bounds)
    assert other.shape == points.shape
    assert (other != points).any()
