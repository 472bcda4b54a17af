"""The attack as an augmentation of MAITE: its examples are those of the native call."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.slow import first_quick
from tests.tf_strattack.interop.maite.batches import QUICK, batch_of, last
from tf_strattack.interop.maite import PGD, ClassifierModel, SigmaZero, StructuredAttack, to_classifier


@pytest.mark.parametrize("targets", first_quick(["random", None, "least_likely", 2]))
def test_examples_and_metadata_are_those_of_the_native_call(classifier, images, labels, targets):
    attack = StructuredAttack(classifier, targets=targets, target_seed=5, **QUICK)
    adversarial, scores, metadata = attack(batch_of(images, labels))
    wanted = {
        None: None,
        "random": sa.targets.random(labels, 4, seed=5),
        "least_likely": sa.targets.least_likely(classifier, images),
        2: np.full(len(labels), 2),
    }[targets]
    rows = np.arange(len(labels)) if wanted is None else np.flatnonzero(wanted != labels)
    chosen = None if wanted is None else wanted[rows]
    native = sa.StrAttack(**QUICK)(classifier, images[rows], labels[rows], chosen)
    np.testing.assert_array_equal(last(adversarial)[rows], native.adversarial)
    np.testing.assert_array_equal(np.stack(scores).argmax(axis=1), labels)
    outcomes = [metadata[row]["attack"] for row in rows]
    assert [one["success"] for one in outcomes] == native.success.tolist()
    assert native.success.any()
    assert [one["target"] for one in outcomes] == ([None] * len(rows) if chosen is None else chosen.tolist())
    assert [one["gradient_evaluations"] for one in outcomes] == native.gradient_evaluations.tolist()
    assert [one["forward_evaluations"] for one in outcomes] == native.forward_evaluations.tolist()
    groups = sa.metrics.nonzero_groups(native.delta, sa.SlidingMask(2))
    for name, values in (("l0", sa.metrics.l0(native.delta)), ("l2", sa.metrics.l2(native.delta)), ("groups", groups)):
        expected = [float(value) if found else None for value, found in zip(values, native.success, strict=True)]
        assert [one[name] for one in outcomes] == expected
    np.testing.assert_array_equal(attack.result(batch_of(images, labels)).adversarial, native.adversarial)


def test_images_of_the_target_class_are_not_attacked(classifier, images, labels):
    goal = int(labels[1])
    wrong = np.where(np.arange(12) == np.flatnonzero(labels != goal)[0], goal, labels)
    adversarial, _, metadata = StructuredAttack(classifier, targets=goal, **QUICK)(batch_of(images, wrong))
    (rows,) = np.nonzero(wrong == goal)
    assert 1 < len(rows) < 12
    assert not (wrong == labels).all()
    for row in rows:
        outcome = metadata[row]["attack"]
        np.testing.assert_array_equal(adversarial[row], images[row].transpose(2, 0, 1))
        assert (outcome["success"], outcome["gradient_evaluations"], outcome["l2"]) == (False, 0, None)
        assert outcome["clean_correct"] == (labels[row] == goal)


def test_nothing_depends_on_how_images_are_batched(classifier, images, labels):
    ids = [0, 1, 2, "cat", "dog/3", 10**12, -1, 7, 8, 9, 10, 11]
    attack = StructuredAttack(classifier, targets="random", **QUICK)
    whole, _, told = attack(batch_of(images, labels, ids))
    for order in (np.arange(12)[::-1], np.random.default_rng(0).permutation(12)):
        for part in np.array_split(order, 5):
            some, _, metadata = attack(batch_of(images[part], labels[part], [ids[row] for row in part]))
            np.testing.assert_array_equal(np.stack(some), np.stack([whole[row] for row in part]))
            assert metadata == [told[row] for row in part]
    other = StructuredAttack(classifier, targets="random", target_seed=1, **QUICK)(batch_of(images, labels, ids))[2]
    assert [one["attack"]["target"] for one in other] != [one["attack"]["target"] for one in told]


def test_what_fails_comes_back_unchanged(classifier, images, labels):
    batch = batch_of(images, labels)
    adversarial, _, metadata = StructuredAttack(classifier, epsilon=1e-3, **QUICK)(batch)
    failed = [row for row in range(12) if not metadata[row]["attack"]["success"]]
    assert 0 < len(failed) < 12
    for row in failed:
        np.testing.assert_array_equal(adversarial[row], batch[0][row])
        assert metadata[row]["attack"]["l2"] is metadata[row]["attack"]["groups"] is None


@pytest.mark.slow
def test_the_scale_of_the_pixels_is_that_of_the_classifier(network, images, labels):
    scaled = sa.Classifier.from_callable(lambda x: network(x / 255), bounds=(0, 255))
    pixels = np.round(images * 255).astype(np.uint8)
    labels = scaled.classify(pixels)
    batch = batch_of(pixels, labels)
    adversarial, _, metadata = StructuredAttack(scaled, **QUICK)(batch)
    success = [one["attack"]["success"] for one in metadata]
    assert any(success)
    assert {image.dtype for image in adversarial} == {np.dtype(np.float32)}
    changed = [not np.array_equal(new, old) for new, old in zip(adversarial, batch[0], strict=True)]
    assert changed == success
    np.testing.assert_array_equal(scaled.classify(last(adversarial)) != labels, success)


@pytest.mark.slow
@pytest.mark.parametrize(("given", "returned"), [(np.float16, np.float32), (np.float64, np.float64)])
def test_images_come_back_in_at_least_single_precision(classifier, images, labels, given, returned):
    adversarial, _, _ = StructuredAttack(classifier, **QUICK)(batch_of(images.astype(given), labels))
    assert {image.dtype for image in adversarial} == {np.dtype(returned)}


def test_metadata_and_targets_of_the_data_set_are_kept(classifier, images, labels):
    inputs, scores, _ = batch_of(images[:2], labels[:2])
    given = [{"id": "a", "hour": 3}, {"id": "b", "hour": 4}]
    _, returned, metadata = StructuredAttack(classifier, **QUICK)((inputs, scores, given))
    assert returned is scores
    assert [(one["id"], one["hour"]) for one in metadata] == [("a", 3), ("b", 4)]
    assert all("attack" not in one for one in given)


def test_a_batch_can_be_empty(classifier):
    assert StructuredAttack(classifier)(([], [], [])) == ([], [], [])
    assert ClassifierModel(classifier, model_id="exact")([]) == []


@pytest.mark.slow
def test_a_mask_reaches_the_attack(classifier, images, labels):
    mask = np.zeros((6, 6), bool)
    mask[:, :4] = True
    attack = StructuredAttack(classifier, epsilon=1.0, mask=mask, **QUICK)
    adversarial, _, metadata = attack(batch_of(images, labels))
    assert any(one["attack"]["success"] for one in metadata)
    np.testing.assert_array_equal(last(adversarial)[:, :, 4:], images[:, :, 4:])


def test_hyper_parameters_are_attributes_and_named_in_the_metadata(classifier, images, labels):
    attack = StructuredAttack(classifier, targets="random", max_groups=3, epsilon=0.5)
    assert attack.metadata["id"] == (
        "tf_strattack.StructuredAttack(targets='random', target_seed=0, max_groups=3, epsilon=0.5)"
    )
    attack = StructuredAttack(classifier, **QUICK)
    attack.tau = 0.5
    assert attack.result(batch_of(images, labels)).attack["parameters"]["tau"] == 0.5


@pytest.mark.parametrize(("kind", "native"), first_quick([(PGD, sa.PGD), (SigmaZero, sa.SigmaZero)]))
def test_other_attacks_are_those_of_the_native_call(classifier, images, labels, kind, native):
    parameters = {"epsilon": 0.5} | ({"steps": 9} if native is sa.PGD else {"max_iterations": 60})
    adversarial, _, metadata = kind(classifier, **parameters)(batch_of(images, labels))
    result = native(**parameters)(classifier, images, labels)
    np.testing.assert_array_equal(last(adversarial), result.adversarial)
    assert [one["attack"]["success"] for one in metadata] == result.success.tolist()
    assert result.success.any()
    assert metadata[0]["attack"]["name"] == native.name
    with pytest.raises(sa.InputError, match=f"expected hyper-parameters of {native.__name__}, received tau"):
        kind(classifier, tau=1.0)


@pytest.mark.slow
def test_a_keras_model_is_attacked_and_called_channels_first():
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((6, 5, 3)), keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D()])
    images = np.random.default_rng(0).uniform(size=(5, 6, 5, 3)).astype(np.float32)
    labels = network(images).numpy().argmax(axis=1)
    model = ClassifierModel(network, model_id="small", index2label={0: "a", 1: "b", 2: "c", 3: "d"})
    assert model.metadata == {"id": "small", "index2label": {0: "a", 1: "b", 2: "c", 3: "d"}}
    np.testing.assert_allclose(model(images.transpose(0, 3, 1, 2)), network(images), atol=1e-6)
    tensors = [tf.constant(image) for image in images.transpose(0, 3, 1, 2)]
    np.testing.assert_array_equal(model(tensors), model(images.transpose(0, 3, 1, 2)))
    for attacked in (network, model):
        adversarial, _, metadata = StructuredAttack(attacked, **QUICK)(batch_of(images, labels))
        success = [one["attack"]["success"] for one in metadata]
        assert (np.argmax(model(adversarial), axis=1) != labels).tolist() == success
        assert any(success)
    assert to_classifier(model) is model.classifier is to_classifier(network)
