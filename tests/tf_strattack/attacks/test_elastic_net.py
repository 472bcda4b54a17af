"""EAD against a naive FISTA, the optimum of a linear network, and the same problem solved by ADMM."""

import numpy as np
import pytest
import scipy.optimize

import tf_strattack as sa
from tests.builders import linear_network


def naive_fista(weights, image, target, c, beta, iterations, learning_rate):
    """The attack on one image of a linear network at one c: the least elastic net among what succeeds, and where."""
    x0 = image.ravel().astype(float)

    def margin_and_slope(delta):
        logits = weights @ (x0 + delta)
        others = np.where(np.arange(len(logits)) == target, -np.inf, logits)
        return others.max() - logits[target], weights[others.argmax()] - weights[target]

    required = 1e-4 * max(1.0, abs(margin_and_slope(0.0)[0]))
    delta, slack, best = np.zeros_like(x0), np.zeros_like(x0), (np.inf, None)
    for k in range(iterations):
        margin, slope = margin_and_slope(slack)
        step = learning_rate * np.sqrt(1 - k / iterations)
        moved = slack - step * (2 * slack + c * slope * (margin > -required))
        new = np.clip(np.sign(moved) * np.maximum(np.abs(moved) - step * beta, 0), -x0, 1 - x0)
        slack, delta = new + k / (k + 3) * (new - delta), new
        value = beta * np.abs(delta).sum() + delta @ delta
        if margin_and_slope(delta)[0] <= -required and value < best[0]:
            best = (value, delta)
    return best


def test_one_c_is_fista_as_written_out():
    weights, classifier, images, labels, targets = linear_network(16)
    attack = sa.ElasticNet(
        beta=0.3, initial_c=0.8, search_steps=1, max_iterations=80, learning_rate=0.02, abort_early=False
    )
    result = attack(classifier, images, labels, targets)
    for row in range(len(images)):
        value, expected = naive_fista(weights, images[row], targets[row], 0.8, 0.3, 80, 0.02)
        assert np.isfinite(value) == result.success[row]
        if result.success[row]:
            np.testing.assert_allclose(result.delta[row].ravel(), expected, atol=5e-4)
    assert result.success.any()
    assert (result.gradient_evaluations == 80).all()


def test_a_linear_network_gets_its_optimum():
    weights, classifier, images, labels, targets = linear_network(16)
    beta = 0.5
    result = sa.ElasticNet(beta=beta, initial_c=0.1, max_iterations=400)(classifier, images, labels, targets)
    assert result.success.all()
    for image, target, delta in zip(images, targets, result.delta, strict=True):
        rows = np.stack([weights[j] - weights[target] for j in range(3) if j != target])
        x = image.ravel().astype(float)
        n = len(x)
        best = scipy.optimize.minimize(
            lambda d, n=n: np.sum((d[:n] - d[n:]) ** 2) + beta * d.sum(),
            np.zeros(2 * n),
            method="SLSQP",
            bounds=[*((0, 1 - value) for value in x), *((0, value) for value in x)],
            constraints=[{"type": "ineq", "fun": lambda d, r=rows, x=x, n=n: -(r @ (x + d[:n] - d[n:]))}],
        )
        found = beta * np.abs(delta).sum() + np.sum(delta.astype(float) ** 2)
        assert 1 - 1e-3 <= found / best.fun <= 1.05


def test_the_decision_rule_prefers_what_it_says(exact):
    classifier, images, labels, targets = exact
    values = {"max_iterations": 200, "search_steps": 4, "initial_c": 0.1, "beta": 0.05}
    by_en, by_l1 = (
        sa.ElasticNet(**values, decision_rule=rule)(classifier, images, labels, targets) for rule in ("en", "l1")
    )
    np.testing.assert_array_equal(by_en.success, by_l1.success)
    rows = by_en.success

    def elastic(delta):
        return 0.05 * sa.metrics.l1(delta) + sa.metrics.l2(delta) ** 2

    assert (sa.metrics.l1(by_l1.delta[rows]) <= sa.metrics.l1(by_en.delta[rows]) + 1e-5).all()
    assert (elastic(by_en.delta[rows]) <= elastic(by_l1.delta[rows]) + 1e-5).all()
    assert sa.metrics.l1(by_l1.delta[rows]).mean() < sa.metrics.l1(by_en.delta[rows]).mean()


@pytest.mark.slow
def test_more_beta_means_fewer_changes(mnist, digits):
    images, labels, targets = (part[:9] for part in digits)
    values = {"max_iterations": 120, "search_steps": 4, "initial_c": 0.5, "learning_rate": 0.03}
    counts = [
        sa.metrics.l0(sa.ElasticNet(beta=beta, **values)(mnist, images, labels, targets).delta).mean()
        for beta in (0.0, 0.3, 3.0)
    ]
    assert counts[0] > 2 * counts[1] > 3 * counts[2]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beta": -1}, "expected beta to be a number at least 0, received -1"),
        ({"decision_rule": "l2"}, "expected decision_rule to be one of en, l1, received 'l2'"),
        ({"learning_rate": 0}, "expected learning_rate to be a number above 0, received 0"),
    ],
)
def test_wrong_hyper_parameters_are_refused(values, message):
    with pytest.raises(sa.InputError) as error:
        sa.ElasticNet(**values)
    assert str(error.value) == message


@pytest.mark.slow
def test_fista_and_admm_agree_on_the_elastic_net_of_trained_networks(mnist, digits):
    images, labels, targets = (part[:27] for part in digits)
    fista = sa.ElasticNet()(mnist, images, labels, targets)
    admm = sa.StrAttack(distortion="en", tau=0.0, solver="admm", epsilon=None, refine=False)(
        mnist, images, labels, targets
    )
    assert fista.success.all()
    assert admm.success.all()
    one, other = ((sa.metrics.l1(r.delta) + sa.metrics.l2(r.delta) ** 2).mean() for r in (fista, admm))
    assert abs(one - other) <= 0.05 * min(one, other)
