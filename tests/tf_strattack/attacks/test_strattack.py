"""What the attack promises, on small networks where it can be checked exactly and on the shipped one."""

import dataclasses
import os
import signal

import keras
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

import tf_strattack as sa
from tests.builders import brief, count_traces, exact_rows
from tests.slow import first_quick


def linear(weights, **options):
    matrix = tf.constant(weights.T, tf.float32)
    return sa.Classifier.from_callable(lambda x: tf.reshape(x, [-1, len(weights[0])]) @ matrix, **options)


@pytest.mark.slow
def test_without_group_penalty_a_linear_network_gets_its_closest_adversarial_example():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 36))
    classifier = linear(weights)
    images = rng.uniform(0.2, 0.8, size=(12, 6, 6, 1)).astype(np.float32)
    logits = classifier.predict(images)
    labels, targets = logits.argmax(axis=1), logits.argmin(axis=1)

    def closest(image, target):
        rows = np.stack([weights[j] - weights[target] for j in range(3) if j != target])
        x = image.ravel().astype(float)
        constraint = {"type": "ineq", "fun": lambda d: -(rows @ (x + d)), "jac": lambda d: -rows}
        box = list(zip(-x, 1 - x, strict=True))
        found = scipy.optimize.minimize(
            lambda d: d @ d, np.zeros(36), jac=lambda d: 2 * d, method="SLSQP", constraints=[constraint], bounds=box
        )
        return np.sqrt(found.fun)

    best = np.array([closest(*pair) for pair in zip(images, targets, strict=True)])
    for solver in ("prox_linear", "admm", "paper"):
        refine = sa.Refinement(sigma_quantile=0.0, solver=solver)
        attack = sa.StrAttack(tau=0.0, epsilon=None, solver=solver, refine=refine)
        result = attack(classifier, images, labels, targets)
        assert result.success.all()
        np.testing.assert_allclose(sa.metrics.l2(result.delta) / best, 1.0, atol=0.05)


def objective(attack, delta):
    groups = attack.groups.of(28, 28)
    norms = groups.norms(groups.gather(delta)).numpy().sum(axis=(1, 2))
    return attack.gamma * sa.metrics.l2(delta) ** 2 + attack.tau * norms


@pytest.mark.slow
def test_batches_of_the_shipped_network_agree_up_to_its_rounding(mnist, digits):
    images, labels, targets = digits
    attack = sa.StrAttack()
    together = attack(mnist, images, labels, targets)
    for rows in (1, 3, 8):
        part = attack(mnist, images[:rows], labels[:rows], targets[:rows])
        np.testing.assert_array_equal(part.success, together.success[:rows])
        np.testing.assert_allclose(objective(attack, part.delta), objective(attack, together.delta[:rows]), rtol=0.05)


@pytest.mark.parametrize("confidence", first_quick([2.0, 0.0, 15.0]))
@pytest.mark.parametrize("targeted", first_quick([True, False]))
def test_the_confidence_is_reached(mnist, digits, confidence, targeted):
    images, labels, targets = (part[::3] for part in digits)
    result = sa.StrAttack(confidence=confidence)(mnist, images, labels, targets if targeted else None)
    logits = mnist.predict(result.adversarial).astype(float)
    rows, chosen = np.arange(len(logits)), targets if targeted else labels
    own = logits[rows, chosen].copy()
    logits[rows, chosen] = -np.inf
    lead = (own - logits.max(axis=1)) * (1 if targeted else -1)
    assert result.success.mean() > 0.6
    assert (lead[result.success] >= confidence - 1e-4).all()


@pytest.mark.parametrize("epsilon", first_quick([0.3, 0.5]))
@pytest.mark.parametrize(
    "bounds", [(-0.5, 0.5), *(pytest.param(b, marks=pytest.mark.slow) for b in [(0.0, 1.0), (0.0, 255.0)])]
)
def test_epsilon_and_bounds_are_kept_to_the_last_bit(exact, epsilon, bounds):
    _, images, labels, targets = exact
    low, high = bounds
    network = exact_rows()
    classifier = sa.Classifier.from_callable(lambda x: network((x - low) / (high - low)), bounds=bounds)
    scaled = np.clip(np.float32(low) + images * np.float32(high - low), *bounds).astype(np.float32)
    result = sa.StrAttack(epsilon=epsilon, tau=0.1)(classifier, scaled, labels, targets)
    assert result.success.any()
    assert result.adversarial.min() >= low
    assert result.adversarial.max() <= high
    assert sa.metrics.linf(result.delta).max() <= epsilon + 1e-6


@pytest.mark.parametrize("bounds", [(-0.5, 0.5), (0.0, 255.0)])
@pytest.mark.slow
def test_other_bounds_give_the_same_perturbation_scaled(mnist, digits, bounds):
    images, labels, targets = digits
    low, high = bounds
    model = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"))
    scaled = sa.Classifier.from_keras(model, bounds=bounds, preprocessing=lambda x: (x - low) / (high - low))
    attack = sa.StrAttack()
    one = attack(mnist, images, labels, targets)
    other = attack(scaled, images * np.float32(high - low) + np.float32(low), labels, targets)
    np.testing.assert_array_equal(one.success, other.success)
    np.testing.assert_allclose(objective(attack, other.delta), objective(attack, one.delta), rtol=0.05)


@pytest.mark.parametrize("reason", first_quick(["confidence", "bias"]))
def test_a_failure_returns_the_original(mnist, digits, reason):
    images, labels, targets = (part[:4] for part in digits)
    classifier, attack = mnist, brief(20, confidence=1e6)
    if reason == "bias":
        weights = np.random.default_rng(0).normal(size=(10, 784))
        bias = np.where(np.isin(np.arange(10), targets), -1e6, 0.0).astype(np.float32)
        matrix = tf.constant(weights.T, tf.float32)
        classifier = sa.Classifier.from_callable(lambda x: tf.reshape(x, [-1, 784]) @ matrix + bias)
        attack = sa.StrAttack()
    for paper in (False, True):
        used = (
            attack
            if not paper
            else sa.StrAttack(solver=sa.solvers.Paper(max_iterations=5, search_steps=3), confidence=attack.confidence)
        )
        result = used(classifier, images, labels, targets)
        assert not result.success.any()
        np.testing.assert_array_equal(result.adversarial, images)
        assert np.isfinite(result.c).all()


@pytest.mark.slow
def test_one_trace_serves_calls_batch_sizes_and_constants():
    classifier, images, labels, traced = count_traces(40, seed=1)
    targets = (labels + 1) % 4
    sa.StrAttack()(classifier, images, labels, targets)
    before = len(traced)
    for rows in (1, 7, 23, 40):
        solver = sa.solvers.ProxLinear(rho=3.0, alpha=2.0, momentum=0.5, memory=0.3, max_iterations=37, patience=9)
        for values in ({}, {"tau": 2.0, "epsilon": 0.4}, {"solver": solver, "confidence": 0.5}):
            sa.StrAttack(**values)(classifier, images[:rows], labels[:rows], targets[:rows])
    assert len(traced) == before


@pytest.mark.slow
def test_memory_does_not_grow_over_calls(exact):
    psutil = pytest.importorskip("psutil")
    classifier, images, labels, targets = exact
    attack = brief(5, refining=5)
    process = psutil.Process()
    for _ in range(10):  # allocators settle
        attack(classifier, images, labels, targets)
    before = process.memory_info().rss
    for _ in range(30):
        attack(classifier, images, labels, targets)
    assert process.memory_info().rss - before < 20e6


@pytest.mark.slow
def test_keras_saved_model_and_callable_agree(digits, tmp_path):
    images, labels, targets = (part[:9] for part in digits)
    model = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"))
    model.export(tmp_path / "saved", verbose=False)
    classifiers = [
        sa.Classifier.from_keras(model),
        sa.Classifier.load(tmp_path / "saved"),
        sa.Classifier.from_callable(lambda x: model(x, training=False)),
    ]
    attack = sa.StrAttack()
    results = [attack(classifier, images, labels, targets) for classifier in classifiers]
    for result in results[1:]:
        np.testing.assert_array_equal(result.success, results[0].success)
        np.testing.assert_allclose(objective(attack, result.delta), objective(attack, results[0].delta), rtol=0.05)


@pytest.fixture
def answering_ctrl_c():
    """Python's own answer to Ctrl-C, which a shell's background jobs do not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("answering_ctrl_c")
def test_an_interrupted_call_returns_what_it_has(exact):
    classifier, images, labels, targets = exact
    seen = []

    def stop_in_the_second_batch(progress):
        seen.append(progress)
        if progress.done >= 9 and progress.fraction > 0.4:
            os.kill(os.getpid(), signal.SIGINT)

    attack = sa.StrAttack()
    result = attack(classifier, images, labels, targets, batch_size=9, callback=stop_in_the_second_batch)
    whole = attack(classifier, images, labels, targets, batch_size=9)
    assert result.interrupted
    assert not whole.interrupted
    np.testing.assert_array_equal(result.adversarial[:9], whole.adversarial[:9])
    np.testing.assert_array_equal(result.adversarial[18:], images[18:])
    assert not result.success[18:].any()
    fooled = classifier.predict(result.adversarial).argmax(axis=1) == targets
    np.testing.assert_array_equal(fooled, result.success)


def test_the_callback_hears_of_steady_progress(exact):
    classifier, images, labels, targets = exact
    seen = []
    result = sa.StrAttack()(classifier, images, labels, targets, batch_size=9, callback=seen.append)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert seen[-1][:5] == (27, 27, 27, int(result.success.sum()), 1.0)


def test_evaluations_are_counted(exact):
    classifier, images, labels, targets = exact
    alone = brief(7, restarts=3, refine=False)(classifier, images, labels, targets)
    # Examples for which the first run finds nothing have up to three others, the second and third from random points,
    # and then ADMM, which adds a forward evaluation to each gradient.
    first, again = (alone.origin == name for name in ("first run", "restart"))
    last = ~first & ~again
    assert 11 <= first.sum() < len(first)
    assert last.any()
    runs, rest = np.divmod(alone.gradient_evaluations - 1, 7)
    assert not rest.any()
    assert set(runs[first]) == {1}
    assert set(runs[again]) == {3, 4}
    assert set(runs[last]) == {5}
    np.testing.assert_array_equal(alone.forward_evaluations, 2 + 7 * last)  # the original and the result
    assert alone.calls == {("gradient", 27): 8, ("forward", 27): 2, ("gradient", 16): 28, ("forward", 16): 7}
    split = sa.StrAttack(solver=sa.solvers.Admm(max_iterations=17), refine=False)(classifier, images, labels, targets)
    np.testing.assert_array_equal(split.forward_evaluations, 17 + 2)
    refine = sa.Refinement(sigma_quantile=0.03, solver=sa.solvers.ProxLinear.refining(max_iterations=5))
    both = brief(7, restarts=3, refine=refine)(classifier, images, labels, targets)
    refined = both.gradient_evaluations - alone.gradient_evaluations
    np.testing.assert_array_equal(refined, np.where(both.success, 5, 0))


def test_a_round_of_giving_up_less_is_counted(exact):
    classifier, images, labels, targets = exact
    iterations = 38
    refine = sa.Refinement(solver=sa.solvers.ProxLinear.refining(max_iterations=iterations, patience=1000))
    attack = brief(110, patience=1000, epsilon=None, refine=refine)
    result = attack(classifier, images, labels, targets)
    unrefined = dataclasses.replace(attack, refine=False)(classifier, images, labels, targets)
    rounds = (result.gradient_evaluations - unrefined.gradient_evaluations)[result.success] / iterations
    assert set(rounds) > {1.0}
    assert rounds.max() <= 6


@pytest.mark.slow
def test_an_original_that_already_is_where_the_attack_wants_it_stays(mnist, digits):
    images, labels, _ = (part[:2] for part in digits)
    result = sa.StrAttack()(mnist, images, (labels + 1) % 10, targets=None)
    assert result.success.all()
    assert not result.clean_correct.any()
    np.testing.assert_array_equal(result.adversarial, images)


def test_no_example_gives_an_empty_result(mnist):
    result = sa.StrAttack()(mnist, np.zeros((0, 28, 28, 1)), np.zeros(0, int), np.zeros(0, int))
    assert len(result) == 0
    assert result.adversarial.shape == (0, 28, 28, 1)
