"""What the augmentation refuses, each in a line, and Ctrl-C."""

import numpy as np
import pytest

import tf_strattack as sa
from tests.tf_strattack.interop.maite.batches import QUICK, Foreign, batch_of
from tf_strattack.interop.maite import ClassifierModel, StructuredAttack
from tf_strattack.runtime.progress import Tracker


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
