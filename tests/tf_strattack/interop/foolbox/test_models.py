"""Models of Foolbox with bounds, layouts and precisions of their own are attacked as they predict."""

import gc
import weakref

import foolbox
import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import HALF_PRECISION_HEADS, exact_rows, half_precision_network
from tests.slow import first_quick
from tests.tf_strattack.interop.foolbox.models import QUICK, small_model
from tf_strattack.interop.foolbox import StructuredAttack, to_classifier


@pytest.mark.slow
def test_a_model_with_other_bounds_is_not_taken_for_its_copy():
    fmodel, images, labels = small_model()
    attack = StructuredAttack(**QUICK)
    first = attack(fmodel, images, labels, epsilons=None)[0]
    for inplace in (False, True):
        other = fmodel.transform_bounds((0, 255), inplace=inplace)
        raw, _, success = attack(other, images * 255, labels, epsilons=None)
        assert success.numpy().any()
        assert raw.numpy().max() > 1
        assert to_classifier(other).bounds == (0, 255)
        np.testing.assert_allclose(raw / 255, first, atol=2e-3)


@pytest.mark.slow
def test_a_model_is_compiled_once_for_all_attacks_and_freed():
    traced = []
    network = exact_rows()

    def counted(images):
        traced.append(tf.executing_eagerly())
        return network(images)

    fmodel = foolbox.TensorFlowModel(counted, bounds=(0, 1))
    images = tf.constant(np.random.default_rng(3).uniform(size=(5, 6, 6, 1)), tf.float32)
    labels = tf.argmax(fmodel(images), axis=1)
    StructuredAttack(**QUICK)(fmodel, images, labels, epsilons=None)
    compiled = traced.count(False)
    attack = StructuredAttack(tau=0.2, **QUICK)
    attack(fmodel, images[:3], labels[:3], epsilons=None)
    attack.tau = 0.5  # attributes can be set, as those of other attacks
    assert attack.result(fmodel, images, labels).attack["parameters"]["tau"] == 0.5
    assert traced.count(False) == compiled
    alive = weakref.ref(fmodel)
    del fmodel
    gc.collect()
    assert alive() is None


def test_channels_first_is_refused_where_pixels_would_be_taken_for_rows(monkeypatch):
    fmodel, images, labels = small_model()
    monkeypatch.setattr(type(fmodel), "data_format", "channels_first")
    with pytest.raises(sa.InputError, match="received channels_first: transpose in it"):
        StructuredAttack().run(fmodel, images, labels)


@pytest.mark.parametrize("head", first_quick(HALF_PRECISION_HEADS))
def test_success_in_half_precision_is_what_the_model_says(head):
    network, images, labels = half_precision_network(head)
    fmodel = foolbox.TensorFlowModel(network, bounds=(0, 1))
    result = StructuredAttack(solver=sa.solvers.ProxLinear(max_iterations=20), refine=False).result(
        fmodel, tf.constant(images), tf.constant(labels, tf.int64)
    )
    seen = np.asarray(tf.cast(network(result.adversarial), tf.float32)).argmax(axis=1)
    np.testing.assert_array_equal(seen != labels, result.success)
    assert result.success.any()


@pytest.mark.filterwarnings("ignore::tf_strattack.errors.InputWarning")  # on what one number means
def test_a_model_of_one_output_which_argmax_cannot_decide_is_refused():
    network = keras.Sequential([keras.layers.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    fmodel = foolbox.TensorFlowModel(network, bounds=(0, 1))
    images = tf.constant(np.random.default_rng(0).uniform(size=(2, 8, 8, 1)), tf.float32)
    with pytest.raises(sa.InputError, match="expected a model that returns a score for each"):
        StructuredAttack()(fmodel, images, tf.constant([0, 1], tf.int64), epsilons=None)
