"""The parts of a generation: the plan, shards that appear whole whatever happens, and networks on their way."""

import dataclasses
import os

import keras
import numpy as np
import pytest

import tf_strattack as sa
from eval.inputs.datasets import read_dataset
from eval.inputs.examples import Selection, make_shards
from eval.inputs.models import load_model
from eval.inputs.targets import parse_targets
from eval.runs import cluster, store
from eval.runs.plan import keep_plan, make_plan
from eval.runs.shipment import Shipment
from eval.runs.work import Work
from tf_strattack.errors import InputError


@pytest.fixture(scope="module")
def sample():
    return read_dataset("sample", data_dir=None, split="test", download=False)


def plan_of(sample, mnist, *, num_images=20, targets="random:3", shard_size=7, seed=0):
    chosen = parse_targets(targets)
    selection = Selection(sample.records, mnist, num_images, chosen)
    return make_plan(selection, mnist.num_classes, chosen, shard_size=shard_size, seed=seed)


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


def test_a_plan_is_kept_and_made_anew_only_where_it_cannot_be_read(sample, mnist, tmp_path):
    plan = plan_of(sample, mnist)
    path = tmp_path / "plan.npz"
    made = []

    def make():
        made.append(1)
        return plan

    assert keep_plan(path, make).digest == keep_plan(path, make).digest == plan.digest
    assert len(made) == 1
    path.write_bytes(path.read_bytes()[:100])
    assert keep_plan(path, make).digest == plan.digest
    assert len(made) == 2
    for change in ({"seed": 1}, {"targets": None}, {"shard_size": 8}):
        assert dataclasses.replace(plan, **change).digest != plan.digest


@pytest.fixture(scope="module")
def outcomes(sample, mnist):
    """What is written of the three shards of a plan, in 8 bits."""
    plan = plan_of(sample, mnist, num_images=5, targets="random:2", shard_size=4)
    work = Work(sa.FGM(norm="linf"), quantize=True, group_size=2, batch_size=None)
    return plan, [work(mnist, examples) for _, examples in plan.shards(sample, mnist.bounds, range(plan.num_shards))]


def opened(directory, plan, dtype="uint8"):
    result = store.Store(directory, plan, dtype, "run")
    result.open()
    return result


class Stopped(BaseException):
    """Stands for a process that ends at once."""


def test_a_stop_between_any_two_steps_loses_the_shard_in_flight_at_most(outcomes, tmp_path):
    """Every rename, deletion and write to the disk may be the last thing that a process does."""
    plan, made = outcomes
    steps = 0

    def stop_at(last):
        nonlocal steps
        steps = 0

        def counted(function):
            def wrapper(*arguments, **options):
                nonlocal steps
                steps += 1
                if steps == last:
                    raise Stopped
                return function(*arguments, **options)

            return wrapper

        patched = pytest.MonkeyPatch()
        for name in ("replace", "rename", "unlink", "fsync"):
            patched.setattr(os, name, counted(getattr(os, name)))
        return patched

    stops = 0
    for last in range(1, 1000):
        directory = tmp_path / str(last)
        directory.mkdir()
        patched = stop_at(last)
        stopped, written = False, 0
        try:
            files = opened(directory, plan)
            for number, outcome in enumerate(made):
                files.write(number, *outcome)
                written += 1
            files.write_manifest({"a": 1}, complete=True)
        except Stopped:
            stopped = True
        finally:
            patched.undo()
        if stopped:  # a kill would leave this, too
            (directory / "dataset" / (files.path(0).name + ".run.partial")).touch()
        files = opened(directory, plan)
        finished = [number for number in range(plan.num_shards) if not files.missing(number)]
        assert all(files.damage(number) is None for number in finished)
        assert finished in ([*range(written)], [*range(written + 1)]), "only the shard in flight is lost"
        assert not list(directory.rglob("*.partial"))
        for number in set(range(plan.num_shards)) - set(finished):
            files.write(number, *made[number])
        for number, outcome in enumerate(made):
            ids = [row["example_id"].decode() for row in files.rows(number)]
            assert ids == list(outcome.result.example_ids)
        if not stopped:
            break
        stops += 1
    assert stops >= 9, "three shards of a file and an entry each, and the manifest"


def test_what_is_read_is_what_was_written(outcomes, tmp_path):
    plan, made = outcomes
    for dtype in ("uint8", "float32"):
        (tmp_path / dtype).mkdir()
        files = opened(tmp_path / dtype, plan, dtype)
        files.write(1, *made[1])
        result = made[1].result
        images, originals = result.adversarial, result.images
        if dtype == "uint8":
            images, originals = sa.images.to_uint8(images), sa.images.to_uint8(originals)
        for row, values in enumerate(files.rows(1)):
            np.testing.assert_array_equal(values["image"], images[row])
            np.testing.assert_array_equal(values["original"], originals[row])
            assert values["label"] == result.labels[row]
            assert values["target"] == result.targets[row]
            assert values["success"] == result.success[row]
        (measures,) = files.measures()
        np.testing.assert_allclose(measures["l2"], sa.metrics.l2(result.delta))
        assert {"float_success", "float_l0", "float_l2"} <= set(measures)


def test_a_full_disk_leaves_nothing_of_the_shard(outcomes, tmp_path, monkeypatch):
    plan, made = outcomes
    files = opened(tmp_path, plan)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        files.write(0, *made[0])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_network_survives_the_way_to_a_worker(mnist, tmp_path):
    images, _, _ = sa.shipped.load_sample()
    path = tmp_path / "net.keras"
    path.write_bytes(sa.shipped.model_path("mnist_cnn").read_bytes())
    for name in ("mnist_cnn", str(path)):
        shipment = Shipment.pack(load_model(name, (0.0, 1.0)), None, 0)
        assert bool(shipment.files) == (name != "mnist_cnn")
        there = shipment.unpack()
        np.testing.assert_array_equal(there.predict(images[:20]), mnist.predict(images[:20]))
    with pytest.raises(InputError, match="expected the network mnist_cnn on every node, received another one"):
        shipment._replace(name="mnist_cnn", sha256="0").unpack()


def test_a_saved_model_survives_the_way_to_a_worker(mnist, tmp_path):
    images, _, _ = sa.shipped.load_sample()
    keras.saving.load_model(sa.shipped.model_path("mnist_cnn")).export(tmp_path / "saved", verbose=False)
    model = load_model(str(tmp_path / "saved"), (0.0, 1.0))
    there = Shipment.pack(model, None, 0).unpack()
    np.testing.assert_allclose(there.predict(images[:20]), mnist.predict(images[:20]), atol=1e-4)


def test_failures_of_workers_become_one_line():
    mistake = cluster._failure(InputError("expected a batch that fits in memory, received 9 images"))
    assert str(mistake).startswith("expected a batch that fits in memory")
    other = cluster._failure(ZeroDivisionError("division by zero\n  at line 3"))
    assert "ZeroDivisionError: division by zero; shards that are finished are kept" in str(other)
