"""The tasks, run-time checks and types of the installed package, if there is one."""

import os
import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest

import tf_strattack as sa
from tests.programs import ROOT
from tests.tf_strattack.interop.maite.batches import QUICK, Foreign, batch_of, last
from tf_strattack.interop.maite import PGD, ClassifierModel, StructuredAttack


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
