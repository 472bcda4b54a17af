"""Arguments as other attacks of Foolbox take them, and one line for each mistake."""

import foolbox
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import exact_rows
from tests.slow import first_quick
from tests.tf_strattack.interop.foolbox.models import QUICK, small_model
from tf_strattack.interop.foolbox import StructuredAttack, refine
from tf_strattack.runtime.progress import Tracker


def test_eagerpy_tensors_come_back_as_such():
    import eagerpy

    fmodel, images, labels = small_model()
    raw, _, success = StructuredAttack(**QUICK)(fmodel, eagerpy.astensor(images), labels, epsilons=None)
    assert isinstance(raw, eagerpy.TensorFlowTensor)
    assert isinstance(success, eagerpy.TensorFlowTensor)


@pytest.mark.parametrize("dtype", first_quick([tf.bfloat16, tf.float16, tf.float64]))
def test_images_come_back_in_their_own_precision(dtype):
    network = exact_rows()
    fmodel = foolbox.TensorFlowModel(lambda x: tf.cast(network(tf.cast(x, tf.float32)), tf.float32), bounds=(0, 1))
    _, images, _ = small_model()
    images = tf.cast(images, dtype)
    labels = tf.argmax(fmodel(images), axis=1)
    found = StructuredAttack(confidence=0.1, **QUICK).run(fmodel, images, labels)
    refined = refine(fmodel, images, found, labels)
    assert found.dtype == refined.dtype == dtype
    assert (tf.argmax(fmodel(found), axis=1) != labels).numpy().any()


def test_a_mask_reaches_the_attack():
    fmodel, images, labels = small_model()
    mask = np.zeros((6, 6), bool)
    mask[:, :4] = True
    raw, _, success = StructuredAttack(epsilon=1.0, **QUICK)(fmodel, images, labels, epsilons=None, mask=mask)
    assert success.numpy().any()
    np.testing.assert_array_equal(raw[:, :, 4:], images[:, :, 4:])


def test_it_can_be_repeated_and_shows_its_parameters():
    fmodel, images, labels = small_model()
    attack = StructuredAttack(tau=0.3, group_size=3, distance=foolbox.distances.l1)
    assert repr(attack).startswith("StructuredAttack(distance=L1 distance, batch_size=None, epsilon=0.6, ")
    for shown in ("tau=0.3", "group_size=3", "solver=prox_linear"):
        assert shown in repr(attack)
    once = attack(fmodel, images, labels, epsilons=None)
    again = attack.repeat(2)(fmodel, images, labels, epsilons=None)
    np.testing.assert_array_equal(once[0], again[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m, x, y: StructuredAttack(search_steps=2),
            r"expected hyper-parameters of StrAttack, received search_steps: solver=sa.solvers.Paper\(search_steps",
        ),
        (lambda m, x, y: StructuredAttack(distance="l2"), "expected a distance of Foolbox.*received 'l2'"),
        (lambda m, x, y: StructuredAttack(batch_size=0), "expected batch_size to be a whole number of at least 1"),
        (lambda m, x, y: StructuredAttack(tau=-1.0), "expected tau to be a number at least 0"),
        (lambda m, x, y: StructuredAttack().run(m, x.numpy(), y), "expected TensorFlow tensors, received ndarray"),
        (
            lambda m, x, y: StructuredAttack().run(m, x, y & y),
            "expected the criterion Misclassification.*received _And",
        ),
        (lambda m, x, y: StructuredAttack().run(exact_rows(), x, y), "expected a model of Foolbox"),
        (lambda m, x, y: StructuredAttack().run(m, x * 2, y), "expected images within the classifier's bounds"),
        (lambda m, x, y: refine(m, x, x * 2, y), "expected images within the classifier's bounds"),
    ],
)
def test_mistakes_get_one_line(call, message):
    fmodel, images, labels = small_model()
    with pytest.raises(sa.InputError, match=message):
        call(fmodel, images, foolbox.criteria.Misclassification(labels))


def test_unknown_arguments_are_refused_as_by_any_attack():
    fmodel, images, labels = small_model()
    with pytest.raises(TypeError, match="unexpected keyword argument 'steps'"):
        StructuredAttack()(fmodel, images, labels, epsilons=None, steps=3)


def test_ctrl_c_reaches_the_host(monkeypatch):
    fmodel, images, labels = small_model()

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    attack = StructuredAttack(**QUICK)
    attack(fmodel, images, labels, epsilons=None)
    monkeypatch.setattr(Tracker, "start_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        attack(fmodel, images, labels, epsilons=None)
