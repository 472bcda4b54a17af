"""The calls behind the tasks: examples and measures are those of the native calls."""

import dataclasses
import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.slow import first_quick
from tests.tf_strattack.interop.dioptra.plugin import QUICK, arrays
from tf_strattack.interop.dioptra import attack_dataset, measure_datasets
from tf_strattack.interop.dioptra.named import attack_of, groups_of


@dataclasses.dataclass
class Meta:
    value_range: tuple[float, float]


@dataclasses.dataclass
class Dataset:
    """As OPTIC's tasks pass data sets."""

    data: tf.data.Dataset
    meta: Meta


def native(model, images, labels, targets, **parameters):
    attack = sa.StrAttack(
        solver=sa.solvers.ProxLinear(max_iterations=12), refine=False, restarts=0, fallback=None, **parameters
    )
    return attack(model, images, labels, targets)


@pytest.mark.parametrize("target", first_quick(["random", None, "least_likely", 2]))
def test_the_examples_are_those_of_the_native_call(model, dataset, images, labels, target):
    made, result, rows = attack_dataset(model, dataset, target, groups=3, parameters=QUICK, target_seed=5)
    classifier = sa.Classifier.from_keras(model)
    classifier.prepare(images)
    targets = {
        "random": lambda: sa.targets.random(labels, 4, seed=5),
        None: lambda: None,
        "least_likely": lambda: sa.targets.least_likely(classifier, images),
        2: lambda: np.full(11, 2),
    }[target]()
    attacked = np.arange(11) if targets is None else np.flatnonzero(targets != labels)
    aims = None if targets is None else targets[attacked]
    expected = native(model, images[attacked], labels[attacked], aims, groups=3)
    np.testing.assert_array_equal(rows, attacked)
    np.testing.assert_array_equal(result.success, expected.success)
    assert result.success.any()
    found, kept = arrays(made)
    np.testing.assert_array_equal(found[attacked], expected.adversarial)
    np.testing.assert_array_equal(np.delete(found, attacked, axis=0), np.delete(images, attacked, axis=0))
    np.testing.assert_array_equal(kept, np.eye(4, dtype=np.float32)[labels])
    assert made.element_spec == dataset.element_spec


@pytest.mark.parametrize("batch", first_quick([None, 1, 4]))
@pytest.mark.parametrize("form", first_quick(["numbers", "column", "floats"]))
def test_neither_batches_nor_the_form_of_the_labels_matter(model, dataset, images, labels, batch, form):
    given = {"numbers": labels, "column": labels[:, None], "floats": labels.astype(np.float32)}[form]
    data = tf.data.Dataset.from_tensor_slices((images, given))
    data = data if batch is None else data.batch(batch)
    made = attack_dataset(model, data, "random", parameters=QUICK).dataset
    assert made.element_spec == data.element_spec
    found, kept = arrays(made if batch else made.batch(11))
    expected, _ = arrays(attack_dataset(model, dataset, "random", parameters=QUICK).dataset)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(kept, given)


def test_the_range_of_pixels_is_that_of_the_metadata(model, images, labels):
    scaled = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Rescaling(1 / 255.0), model])
    data = tf.data.Dataset.from_tensor_slices((images * 255, labels)).batch(4)
    optic = Dataset(data, Meta((0.0, 255.0)))
    made = attack_dataset(scaled, optic, parameters=QUICK)
    assert isinstance(made.dataset, Dataset)
    assert made.dataset.meta is optic.meta
    assert made.result.bounds == (0.0, 255.0)
    assert made.result.success.any()
    found, _ = arrays(made.dataset.data)
    expected, _ = arrays(attack_dataset(scaled, data, parameters=QUICK, bounds=[0, 255]).dataset)
    np.testing.assert_array_equal(found, expected)
    measured, _ = measure_datasets(scaled, optic, made.dataset)
    assert measured["linf"] == pytest.approx(sa.metrics.linf(made.result.delta)[made.result.success].mean())


@pytest.mark.parametrize("target", [None, "random"])
def test_measures_are_those_of_the_result(model, dataset, images, labels, target):
    made, result, rows = attack_dataset(model, dataset, target, groups=3, parameters=QUICK)
    measured, outcomes = measure_datasets(model, dataset, made, target, groups=3)
    np.testing.assert_array_equal(outcomes["success"], result.success)
    np.testing.assert_array_equal(outcomes["image"], rows)
    values = sa.metrics.measure(result.delta, groups=3)
    for name, value in values.items():
        np.testing.assert_array_equal(outcomes[name], np.where(result.success, value, np.nan))
        assert measured[name] == pytest.approx(value[result.success].mean())
    assert measured["images"] == 11
    assert measured["asr"] == result.success.mean()
    assert measured["clean_accuracy"] == 1
    assert measured["adversarial_accuracy"] == pytest.approx(1 - result.success.mean())
    assert ("target" in outcomes) and (outcomes["target"].isna().all() == (target is None))


def test_without_a_success_means_are_missing(model, dataset):
    measured, _ = measure_datasets(model, dataset, dataset)
    assert (measured["asr"], measured["successes"]) == (0, 0)
    assert np.isnan(measured["l0"])


def test_parameters_from_plain_values_make_the_same_attack():
    made = attack_of(
        {
            "tau": 0.5,
            "solver": {"name": "paper", "search_steps": 9},
            "distortion": {"name": "en", "beta": 0.1},
            "refine": {"prune": "groups", "solver": {"name": "admm", "max_iterations": 50}},
        },
        3,
    )
    assert made == sa.StrAttack(
        groups=3,
        tau=0.5,
        solver=sa.solvers.Paper(search_steps=9),
        distortion=sa.distortions.ElasticNet(beta=0.1),
        refine=sa.Refinement(prune="groups", solver=sa.solvers.Admm.refining(max_iterations=50)),
    )
    assert attack_of(None, None) == sa.StrAttack()


def test_groups_have_names(images):
    assert groups_of({"name": "squares", "size": 3, "stride": 2}, images) == sa.SlidingMask(3, 2)
    delta = np.zeros((1, 6, 6, 1), np.float32)
    delta[0, 2] = 1.0
    for name, changed in (("rows", 1), ("columns", 6), ("channels", 1), ({"name": "channels", "size": 3}, 2)):
        assert sa.metrics.nonzero_groups(delta, groups_of(name, delta)) == changed
    maps = groups_of({"name": "superpixels", "segments": 4}, images)
    assert sa.metrics.nonzero_groups(np.ones_like(images), maps).shape == (11,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "net.keras"}, "expected a Keras model, received str"),
        ({"dataset": [1]}, "expected a tf.data.Dataset, or a dataclass with one as data, received list"),
        ({"dataset": lambda data: data.map(lambda x, y: {"image": x})}, r"expected a data set of pairs.*received elem"),
        ({"dataset": lambda data: data.take(0)}, "received an empty one"),
        ({"dataset": lambda data: data.repeat()}, r"repeats for ever: dataset.take\(n\)"),
        ({"dataset": lambda data: data.map(lambda x, y: (x[..., 0, 0], y))}, r"received images of shape \(4, 6\)"),
        ({"dataset": lambda data: data.map(lambda x, y: (x, y[:, :3]))}, r"expected labels of shape.*\(N, 4\), rec"),
        ({"target": 4}, "expected target to be a class from 0 to 3, received 4"),
        ({"target": "next"}, "received 'next'"),
        ({"target": 0, "dataset": lambda data: data.unbatch().skip(4).take(1)}, "expected images of other classes"),
        ({"target_seed": -1}, "expected target_seed"),
        ({"bounds": [0, 0.5]}, "expected images within the classifier's bounds"),
        ({"groups": "diagonals"}, "expected groups to be a number, a name .*received 'diagonals'"),
        ({"groups": {"name": "superpixels"}}, "expected groups superpixels with segments, received {}"),
        ({"groups": {"name": "rows", "size": 2}}, "expected groups rows with no numbers"),
        ({"parameters": {"groups": 3}}, "expected groups as an argument of the task"),
        ({"parameters": "tau=1"}, "expected parameters to be a mapping"),
        ({"parameters": {"tau": -1.0}}, "expected tau to be a number at least 0"),
        ({"parameters": {"sigma": 1}}, "expected hyper-parameters of StrAttack, received sigma"),
        ({"parameters": {"solver": {"name": "adam"}}}, "expected solver with a name, one of .*received 'adam'"),
        ({"parameters": {"solver": {"name": "admm", "c": 1}}}, "expected hyper-parameters of solver admm .*received c"),
        ({"parameters": {"refine": {"sigma": 1}}}, "expected hyper-parameters of refine .*received sigma"),
    ],
)
def test_mistakes_get_one_line(model, dataset, change, message):
    given = {"model": model, "dataset": dataset, **change}
    if inspect.isfunction(given["dataset"]):
        given["dataset"] = given["dataset"](dataset)
    with pytest.raises(sa.InputError, match=message) as caught:
        attack_dataset(given.pop("model"), given.pop("dataset"), **given)
    assert "\n" not in str(caught.value)


def test_data_sets_in_another_order_are_not_compared(model, dataset):
    other = dataset.unbatch().shuffle(11, seed=1).batch(4)
    with pytest.raises(sa.InputError, match="expected both data sets in the same order"):
        measure_datasets(model, dataset, other)
