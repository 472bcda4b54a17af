"""The attack as an augmentation of MAITE; its tasks and checks are those of the installed package, if there is one."""

import os
import subprocess
import sys
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import exact_rows
from tests.programs import ROOT
from tests.slow import first_quick
from tf_strattack.interop.maite import PGD, ClassifierModel, SigmaZero, StructuredAttack, to_classifier
from tf_strattack.runtime.progress import Tracker

QUICK = {"solver": sa.solvers.ProxLinear(max_iterations=20), "refine": False, "restarts": 0, "fallback": None}


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).uniform(size=(12, 6, 6, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def network(images):
    """A network that sees several classes in the images."""
    network = exact_rows()
    mean = tf.reduce_mean(network(images), axis=0)
    return lambda x: network(x) - mean


@pytest.fixture(scope="module")
def classifier(network):
    return sa.Classifier.from_callable(network)


@pytest.fixture(scope="module")
def labels(classifier, images):
    return classifier.classify(images)


def batch_of(images, labels, ids=None, classes=4):
    """A batch as MAITE passes it."""
    names = range(len(images)) if ids is None else ids
    return list(images.transpose(0, 3, 1, 2)), list(np.eye(classes)[labels]), [{"id": name} for name in names]


def last(images):
    """Images of MAITE as (N, H, W, C)."""
    return np.stack(images).transpose(0, 2, 3, 1)


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


class Foreign:
    """A model of MAITE that is not ours."""

    metadata: ClassVar = {"id": "foreign"}

    def __call__(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c, b: StructuredAttack(c, targets="hardest"), "expected targets to be None, 'random', .* 'hardest'"),
        (lambda c, b: StructuredAttack(c, targets=True), "the number of a class, received True"),
        (lambda c, b: StructuredAttack(c, targets=-1), "the number of a class, received -1"),
        (lambda c, b: StructuredAttack(c, targets=4)(b), "expected targets to be a class from 0 to 3, received 4"),
        (lambda c, b: StructuredAttack(c, target_seed=-1), "expected target_seed to be a whole number of at least 0"),
        (lambda c, b: StructuredAttack(c, batch_size=0), "expected batch_size to be a whole number of at least 1"),
        (lambda c, b: StructuredAttack(c, tau=-1.0), "expected tau to be a number at least 0"),
        (lambda c, b: StructuredAttack(Foreign()), "the model 'foreign' of MAITE, which has no gradient: pass its"),
        (lambda c, b: StructuredAttack("net.keras"), r"expected a Classifier.*Classifier.load\('net.keras'\)"),
        (lambda c, b: StructuredAttack(c)((b[0], b[1], b[2][1:])), "received 12 images, 12 targets and 11 metadata"),
        (lambda c, b: StructuredAttack(c)((b[0], b[1], [{}] * 12)), 'expected metadata with an "id".*received {}'),
        (
            lambda c, b: StructuredAttack(c)((b[0], list(range(12)), b[2])),
            r"expected targets of shape \(4,\), a score for each class, received int64 \(\): np.eye\(4\)\[label\]",
        ),
        (
            lambda c, b: StructuredAttack(c)(([*b[0][1:], np.zeros((1, 5, 6))], *b[1:])),
            r"expected images of one shape in a batch, received \(1, 5, 6\), \(1, 6, 6\): batch_size=1",
        ),
        (lambda c, b: StructuredAttack(c)((np.zeros((12, 6, 6)), *b[1:])), r"expected images \(C, H, W\), received"),
        (lambda c, b: StructuredAttack(c)(([i * 2 for i in b[0]], *b[1:])), "expected images within the classifier's"),
    ],
)
def test_mistakes_get_one_line(classifier, images, labels, call, message):
    with pytest.raises(sa.InputError, match=message):
        call(classifier, batch_of(images, labels))


def test_images_with_channels_last_are_refused_where_the_shape_is_known(mnist):
    with pytest.raises(sa.InputError, match=r"\(C, H, W\), here \(1, 28, 28\), received \(28, 28, 1\)"):
        ClassifierModel(mnist, model_id="mnist")(np.zeros((2, 28, 28, 1)))


def test_ctrl_c_reaches_the_host(monkeypatch, classifier, images, labels):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    attack = StructuredAttack(classifier, **QUICK)
    monkeypatch.setattr(Tracker, "start_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        attack(batch_of(images, labels))


class Digits:
    """A data set of MAITE."""

    metadata: ClassVar = {"id": "digits"}

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index].transpose(2, 0, 1), np.eye(10)[self.labels[index]], {"id": index}


class Accuracy:
    """A metric of MAITE."""

    metadata: ClassVar = {"id": "accuracy"}

    def reset(self):
        self.correct = []

    def update(self, predicted, targets, metadata, /):
        self.correct += (np.argmax(predicted, axis=1) == np.argmax(targets, axis=1)).tolist()

    def compute(self):
        return {"accuracy": float(np.mean(self.correct))}


@pytest.mark.slow
def test_its_tasks_evaluate_under_attack(mnist):
    pytest.importorskip("maite", reason="needs the extra maite")
    from maite.protocols import image_classification as ic
    from maite.tasks import augment_dataloader, evaluate, evaluate_from_predictions

    images, labels, _ = sa.shipped.load_sample()
    images, labels = images[:10], labels[:10]
    model, data, metric = ClassifierModel(mnist, model_id="mnist_cnn"), Digits(images, labels), Accuracy()
    attack = StructuredAttack(model, group_size=2)
    for part, protocol in ((model, ic.Model), (attack, ic.Augmentation), (PGD(model), ic.Augmentation)):
        assert isinstance(part, protocol)
    assert not isinstance(model, ic.Metric)
    clean, _, _ = evaluate(model=model, dataset=data, metric=metric, batch_size=4)
    attacked, predictions, batches = evaluate(
        model=model,
        dataset=data,
        metric=metric,
        batch_size=4,
        augmentation=attack,
        return_augmented_data=True,
        return_preds=True,
    )
    assert clean["accuracy"] > 0.9 > attacked["accuracy"] + 0.5
    native = sa.StrAttack(group_size=2)(mnist, images, labels)
    found = [image for inputs, _, _ in batches for image in inputs]
    np.testing.assert_array_equal(last(found), native.adversarial)
    targets, metadata = ([batch[part] for batch in batches] for part in (1, 2))
    assert [one["attack"]["success"] for part in metadata for one in part] == native.success.tolist()
    again = evaluate_from_predictions(
        metric=metric, pred_batches=predictions, target_batches=targets, metadata_batches=metadata
    )
    assert again == attacked
    loaded = [data[row] for row in range(3)]
    ((inputs, _, _),) = augment_dataloader(augmentation=attack, dataloader=[tuple(zip(*loaded, strict=True))])
    np.testing.assert_array_equal(last(inputs), native.adversarial[:3])


@pytest.mark.slow
def test_its_run_time_checks_accept_model_and_attack(classifier, images, labels):
    pytest.importorskip("maite", reason="needs the extra maite")
    pytest.importorskip("beartype", reason="needs beartype, for MAITE's checks at run time")
    from maite.protocols import image_classification as ic
    from maite.spotcheck import SpotcheckError, spotcheck_component

    batch = batch_of(images, labels)
    model = ClassifierModel(classifier, model_id="exact")
    attack = StructuredAttack(model, targets="random", **QUICK)
    expected = attack(batch)
    adversarial, _, metadata = spotcheck_component(ic.Augmentation)(attack)(batch)
    np.testing.assert_array_equal(adversarial, expected[0])
    assert metadata == expected[2]
    np.testing.assert_array_equal(spotcheck_component(ic.Model)(model)(adversarial), model(adversarial))
    with pytest.raises(SpotcheckError):
        spotcheck_component(ic.Model)(Foreign())([np.zeros((1, 6, 6))])


TYPED = """
from maite.protocols.image_classification import Augmentation, Model
from tf_strattack.interop.maite import PGD, ClassifierModel, SigmaZero, StructuredAttack


def augmentation(part: Augmentation) -> None: ...
def model(part: Model) -> None: ...


def check(attack: StructuredAttack, pgd: PGD, sigma_zero: SigmaZero, classifier: ClassifierModel) -> None:
    augmentation(attack)
    augmentation(pgd)
    augmentation(sigma_zero)
    model(classifier)
    model(attack)  # the last line, and the one error
"""


@pytest.mark.slow
def test_its_protocols_are_kept_by_their_types(tmp_path):
    pytest.importorskip("maite", reason="needs the extra maite")
    (tmp_path / "typed.py").write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--config-file=", "--ignore-missing-imports", "--follow-imports=silent"]
    where = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run([*command, "typed.py"], cwd=tmp_path, env=where, capture_output=True, text=True)
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert len(errors) == 1, done.stdout + done.stderr
    assert errors[0].startswith(f"typed.py:{len(TYPED.splitlines())}: ")
    assert '"StructuredAttack"; expected "Model"' in errors[0]
