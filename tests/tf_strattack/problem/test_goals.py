"""AllOf, AnyOf, TopK and MultiLabel, each against its definition written out in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import batch_of, brief, exact_rows
from tests.slow import first_quick
from tf_strattack.problem.goals.misclassify import as_goal

QUICK = brief(20, epsilon=None, refine=False)
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


@pytest.fixture(scope="module")
def networks():
    return [sa.Classifier.from_callable(exact_rows(seed=seed)) for seed in (0, 1, 2)]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(5).uniform(size=(8, 6, 6, 1)).astype(np.float32)


def margins_of(logits, classes, targeted, k=1):
    """The margin of each row: the k-th highest of the others against the class."""
    found = []
    for row, chosen in zip(logits, classes, strict=True):
        others = sorted(np.delete(row, chosen), reverse=True)
        found.append((others[k - 1] - row[chosen]) * (1 if targeted else -1))
    return np.array(found)


def numeric_gradient(value, images, step=1e-2):
    """Central differences of `value` (N,) of images."""
    slopes = np.zeros(images.shape)
    for place in np.ndindex(images.shape[1:]):
        moved = np.zeros(images.shape, np.float32)
        moved[(slice(None), *place)] = step
        slopes[(slice(None), *place)] = (value(images + moved) - value(images - moved)) / (2 * step)
    return slopes


def asked(goal, images, labels, targets):
    """A batch of what a goal asks, as an attack makes it, and the goal aimed."""
    aimed = goal.aimed(targets is not None)
    checked = aimed.prepare(images)
    classes = aimed.asked(labels, targets, np.arange(len(checked), dtype=np.int32))
    return aimed, batch_of(images)._replace(classes=tf.constant(classes))


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


SLOW = {"pgd", "admm", "cw_l2", "ead", "ifgm", "sigma_zero"}


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


@pytest.mark.parametrize("k", [2, *(pytest.param(k, marks=pytest.mark.slow) for k in (1, 3))])
@pytest.mark.parametrize("targeted", [True, False])
def test_top_k_is_the_k_th_highest_of_the_others(networks, images, k, targeted):
    network = networks[0]
    labels = network.classify(images)
    targets = network.predict(images).argmin(axis=1).astype(np.int32) if targeted else None
    classes = labels if targets is None else targets
    goal, batch = asked(sa.TopK(network, k), images, labels, targets)
    margins, gradient = goal.margin_and_gradient(batch, tf.zeros_like(batch.images))
    value = lambda x: margins_of(network.logits(tf.constant(x)).numpy(), classes, targeted, k)  # noqa: E731
    np.testing.assert_allclose(margins, value(images), atol=1e-5)
    close = np.isclose(gradient, numeric_gradient(value, images, 1e-3), atol=2e-2).mean()
    assert close > 0.95  # all but where a kink is near
    if k == 1:
        plain = sa.Misclassify(network, targeted)
        np.testing.assert_allclose(
            goal.cross_entropy_gradient(batch, tf.zeros_like(batch.images)),
            plain.cross_entropy_gradient(batch, tf.zeros_like(batch.images)),
            atol=1e-5,
        )
    attack = QUICK if k == 2 else sa.StrAttack(epsilon=None)  # the last of four classes takes restarts
    result = attack(sa.TopK(network, k), images, labels, targets)
    first = network.predict(result.adversarial).argsort(axis=1)[:, ::-1][:, :k]
    within = (first == classes[:, None]).any(axis=1)
    np.testing.assert_array_equal(within[result.success], targeted)
    assert result.success.mean() > 0.7
    assert result.clean_correct.all()


@pytest.fixture(scope="module")
def tags():
    """A network with a sigmoid for each of 4 labels."""
    network = exact_rows(seed=7)
    return sa.Classifier.from_callable(lambda images: tf.sigmoid(network(images)), outputs="sigmoid")


def sides_of(logits, on, off):
    """The margin of each row: of the label that is farthest from its side."""
    return np.array(
        [max([-row[j] for j in a] + [row[j] for j in b]) for row, a, b in zip(logits, on, off, strict=True)]
    )


def test_labels_on_and_off_for_all_images_and_for_each(tags, images):
    labels = tags.predict(images).argmax(axis=1)
    on, off = [(j % 4,) for j in range(8)], [((j + 1) % 4, (j + 2) % 4) for j in range(8)]
    rows = [np.array([[j in chosen for j in range(4)] for chosen in part]) for part in (on, off)]
    for goal, a, b in (
        (sa.MultiLabel(tags, on={0}, off=[1, 2]), [(0,)] * 8, [(1, 2)] * 8),
        (sa.MultiLabel(tags, on=rows[0], off=rows[1]), on, off),
        (sa.MultiLabel(tags, off=rows[1]), [()] * 8, off),
    ):
        aimed, batch = asked(goal, images, labels, None)
        margins, _ = aimed.margin_and_gradient(batch, tf.zeros_like(batch.images))
        np.testing.assert_allclose(margins, sides_of(tags.predict(images), a, b), atol=1e-4)
        result = QUICK(goal, images, labels)
        np.testing.assert_array_equal(result.success, sides_of(tags.predict(result.adversarial), a, b) < 0)
        assert result.success.mean() > 0.5
        # An example alone has a row of its own in the arrays.
        if isinstance(goal.on, tuple) and goal.on:
            alone = QUICK(goal, images[3:4], labels[3:4])
            np.testing.assert_array_equal(alone.adversarial[0], result.adversarial[3])
        streamed = QUICK(goal, images, labels, batch_size=3)
        np.testing.assert_array_equal(streamed.adversarial, result.adversarial)


def test_without_names_a_target_is_turned_on_or_a_label_off(tags, images):
    labels = tags.predict(images).argmax(axis=1)
    targets = tags.predict(images).argmin(axis=1)
    goal = sa.MultiLabel(tags)
    rows = np.arange(8)
    for classes, side in ((targets, 1), (None, -1)):
        result = QUICK(goal, images, labels, classes)
        logits = tags.predict(result.adversarial)[rows, labels if classes is None else classes]
        np.testing.assert_array_equal(result.success, side * logits > 0)
        assert result.success.mean() > 0.5
    np.testing.assert_array_equal(result.clean_correct, tags.predict(images)[rows, labels] > 0)


def test_members_of_different_kinds_are_asked_for_what_each_needs(networks, tags, images):
    labels = networks[0].classify(images)
    goal = sa.AllOf([networks[0], sa.MultiLabel(tags, on={1}, off={2}), sa.TopK(networks[1], 2)])
    result = QUICK(goal, images, labels)
    fooled = networks[0].classify(result.adversarial) != labels
    sides = sides_of(tags.predict(result.adversarial), [(1,)] * 8, [(2,)] * 8) < 0
    first = networks[1].predict(result.adversarial).argsort(axis=1)[:, -2:]
    np.testing.assert_array_equal(result.success, fooled & sides & ~(first == labels[:, None]).any(axis=1))
    assert result.success.any()
    assert QUICK(goal, images, labels, batch_size="auto").success.sum() == result.success.sum()


def refused(message, make):
    with pytest.raises(sa.InputError) as error:
        make()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_cannot_be_joined_is_refused(networks, images):
    labels = networks[0].classify(images)
    other = sa.Classifier.from_callable(exact_rows(), bounds=(0, 255))
    more = sa.Classifier.from_callable(exact_rows(classes=5))
    shaped = [
        sa.Classifier.from_keras(
            keras.Sequential([keras.Input((side, side, 1)), keras.layers.Flatten(), keras.layers.Dense(4)])
        )
        for side in (6, 8)
    ]
    refused("within the same bounds, received (0.0, 1.0) and (0.0, 255.0)", lambda: sa.AllOf([networks[0], other]))
    refused("images of the same shape, received (6, 6, 1) and (8, 8, 1)", lambda: sa.AnyOf(shaped))
    refused("at least one classifier or goal, received none", lambda: sa.AllOf([]))
    refused("expected AllOf of a list of classifiers or goals", lambda: sa.AllOf(networks[0]))
    refused("with the same classes, received 4 and 5", lambda: sa.FGM()(sa.AllOf([networks[0], more]), images, labels))
    refused(
        "pass the network of the goal, its classifier", lambda: sa.interpret.asm(sa.AllOf(networks), images, labels, 1)
    )
    refused("k to be a whole number of at least 1", lambda: sa.TopK(networks[0], 0))
    refused("k below the number of classes, 4, received k=4", lambda: sa.FGM()(sa.TopK(networks[0], 4), images, labels))


def test_labels_that_cannot_be_are_refused(networks, tags, images):
    labels = networks[0].classify(images)
    refused("received [1] in both on and off", lambda: sa.MultiLabel(tags, on={1, 2}, off={1}))
    refused("numbers of labels, {2, 5}, or booleans", lambda: sa.MultiLabel(tags, on=[0.5]))
    refused("labels from 0 to 3 in on, received [9]", lambda: sa.FGM()(sa.MultiLabel(tags, on={9}), images, labels))
    refused(
        "expected on of shape (8, 4)", lambda: sa.FGM()(sa.MultiLabel(tags, on=np.ones((3, 4), bool)), images, labels)
    )
    refused("received none for row 0", lambda: sa.FGM()(sa.MultiLabel(tags, on=np.zeros((8, 4), bool)), images, labels))
    refused(
        "no targets with a MultiLabel that names labels",
        lambda: sa.FGM()(sa.MultiLabel(tags, on={1}), images, labels, (labels + 1) % 4),
    )
    softmax = sa.Classifier.from_callable(lambda x: tf.nn.softmax(exact_rows()(x)))
    refused("a sigmoid or a logit for each label", lambda: sa.FGM()(sa.MultiLabel(softmax, on={1}), images, labels))


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


def test_a_goal_and_the_classifier_of_a_model_are_the_same(networks):
    goal = as_goal(networks[0])
    assert goal == sa.Misclassify(networks[0])
    assert as_goal(goal) is goal


def test_a_result_records_its_goal(networks, images):
    labels = networks[0].classify(images)
    goal = sa.Expectation(sa.AnyOf(networks[:2]), sa.transformations.Brightness(0.05), samples=4, seed=7, draws=8)
    result = sa.FGM()(goal, images, labels)
    assert result.attack["goal"] == {
        "class": "Expectation",
        "goal": {"class": "AnyOf", "members": [{"class": "Misclassify"}] * 2},
        "transform": {"class": "Brightness", "amount": 0.05},
        "samples": 4,
        "seed": 7,
        "threshold": 0.9,
        "draws": 8,
    }
    on = np.eye(4, dtype=bool)[labels]
    many = sa.FGM()(sa.MultiLabel(networks[0], on=on), images, labels).attack["goal"]
    assert many["on"]["shape"] == [8, 4]
    assert len(many["on"]["sha256"]) == 64
    assert "goal" not in sa.FGM()(networks[0], images, labels).attack
