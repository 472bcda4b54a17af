"""AllOf and AnyOf, goals over several networks, against their definition written out in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import exact_rows
from tests.slow import first_quick
from tests.tf_strattack.problem.goals.definitions import QUICK, asked, margins_of

ATTACKS = {
    "strattack": QUICK,
    "admm": sa.StrAttack(solver="admm", refine=False),
    "cw_l2": sa.CarliniWagnerL2(initial_c=1.0, search_steps=2, max_iterations=60),
    "ead": sa.ElasticNet(initial_c=1.0, search_steps=2, max_iterations=60),
    "fgm": sa.FGM(),
    "ifgm": sa.IFGM(norm="l2", steps=4, grid_ratio=1.2),
    "pgd": sa.PGD(epsilon=0.6, steps=9),
    "sigma_zero": sa.SigmaZero(),
}


@pytest.mark.parametrize("targeted", [True, False])
@pytest.mark.parametrize("kind", [sa.AllOf, sa.AnyOf])
def test_the_margin_of_several_is_the_largest_or_the_least_and_the_gradient_its_member_s(
    networks, images, kind, targeted
):
    labels = np.arange(8, dtype=np.int32) % 4
    targets = (labels + 1) % 4 if targeted else None
    classes = labels if targets is None else targets
    goal, batch = asked(kind(networks), images, labels, targets)
    delta = np.random.default_rng(0).uniform(-0.1, 0.1, images.shape).astype(np.float32)
    margins, gradient = goal.margin_and_gradient(batch, tf.constant(delta))
    each = np.array(
        [margins_of(net.logits(tf.constant(images + delta)).numpy(), classes, targeted) for net in networks]
    )
    choose = np.argmax if kind is sa.AllOf else np.argmin
    which = choose(each, axis=0)
    np.testing.assert_allclose(margins, each[which, np.arange(8)], atol=1e-5)
    slopes = np.array(
        [sa.Misclassify(net, targeted).margin_and_gradient(batch, tf.constant(delta))[1] for net in networks]
    )
    for row in range(8):
        shares = np.exp(each[:, row] / 2) / np.exp(each[:, row] / 2).sum()
        wanted = np.tensordot(shares, slopes[:, row], 1) if kind is sa.AllOf else slopes[which[row], row]
        np.testing.assert_allclose(gradient[row], wanted, atol=1e-5)
    entropies = np.array(
        [sa.Misclassify(net, targeted).cross_entropy_gradient(batch, tf.constant(delta)) for net in networks]
    )
    wanted = entropies.sum(axis=0) if kind is sa.AllOf else entropies[which, np.arange(8)]
    np.testing.assert_allclose(goal.cross_entropy_gradient(batch, tf.constant(delta)), wanted, atol=1e-5)
    both, direction = goal.margin_and_cross_entropy_gradient(batch, tf.constant(delta))
    np.testing.assert_allclose(both, margins, atol=1e-6)
    np.testing.assert_allclose(direction, wanted, atol=1e-5)


SLOW = {"fgm", "pgd", "admm", "cw_l2", "ead", "ifgm", "sigma_zero"}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in ATTACKS])
def test_success_is_what_every_network_says_itself(networks, images, name):
    labels = networks[0].classify(images)
    agreed = np.logical_and.reduce([network.classify(images) == labels for network in networks])
    results = {kind: ATTACKS[name](kind(networks), images, labels) for kind in (sa.AllOf, sa.AnyOf)}
    for kind, join in ((sa.AllOf, np.logical_and), (sa.AnyOf, np.logical_or)):
        result = results[kind]
        fooled = [network.fooled_by(result.adversarial, labels) for network in networks]
        np.testing.assert_array_equal(result.success, join.reduce(fooled))
        np.testing.assert_array_equal(result.clean_correct, agreed)
        assert result.success.mean() > 0.2
    assert (results[sa.AnyOf].gradient_evaluations % 3 == 0).all()


@pytest.mark.parametrize("kind", first_quick([sa.AllOf, sa.AnyOf]))
def test_no_result_depends_on_its_batch(networks, images, kind):
    labels = networks[0].classify(images)
    together = QUICK(kind(networks), images, labels)
    assert together.success.any()
    for rows in (slice(2, 3), slice(3, 8)):
        part = QUICK(kind(networks), images[rows], labels[rows])
        np.testing.assert_array_equal(part.adversarial, together.adversarial[rows])
        np.testing.assert_array_equal(part.gradient_evaluations, together.gradient_evaluations[rows])
        np.testing.assert_array_equal(part.success, together.success[rows])


def test_the_own_output_of_a_member_decides_whatever_its_logits_say(images):
    network = exact_rows()
    honest = sa.Classifier.from_callable(network)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(4, "softmax")])
    member = sa.Classifier.from_keras(model)
    labels = honest.classify(images)
    result = QUICK(sa.AllOf([honest, member]), images, labels)
    predicted = model.predict(result.adversarial, verbose=0).argmax(axis=1)
    assert result.success.any()
    assert (predicted != labels)[result.success].all()
    assert (honest.classify(result.adversarial) != labels)[result.success].all()


@pytest.mark.filterwarnings("ignore")
def test_what_is_compiled_for_a_member_is_made_again_when_it_changes(images):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(4)])
    first = sa.Classifier.from_callable(exact_rows())
    goal = sa.AllOf([first, sa.Classifier.from_keras(model)])
    labels = first.classify(images)
    QUICK(goal, images, labels)
    model.layers[-1].activation = lambda scores: -scores
    result = QUICK(goal, images, labels)
    assert result.success.any()
    assert (model.predict(result.adversarial, verbose=0).argmax(axis=1) != labels)[result.success].all()


def test_a_certificate_bounds_several_networks_too(images):
    rng = np.random.default_rng(0)
    matrices = [tf.constant(rng.normal(size=(36, 2)), tf.float32) for _ in range(2)]
    networks = [
        sa.Classifier.from_callable(lambda x, matrix=matrix: tf.reshape(x, [-1, 36]) @ matrix) for matrix in matrices
    ]
    labels = networks[0].classify(images)
    attack, goal = QUICK, sa.AllOf(networks)
    result = attack(goal, images, labels)
    found = sa.certificate(attack, goal, result)
    assert (found.bound <= found.objective * (1 + 1e-5))[result.success].all()
    assert result.success.any()
