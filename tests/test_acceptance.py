"""What the attack must reach on trained networks: ranges, and the comparison with the paper's solver."""

import numpy as np
import pytest

import tf_strattack as sa


@pytest.fixture(scope="module")
def twenty_digits(mnist):
    """The first 20 correctly classified shipped digits with all 9 targets each."""
    images, labels, _ = sa.shipped.load_sample()
    correct = np.flatnonzero(mnist.predict(images).argmax(axis=1) == labels)[:20]
    images, labels = images[correct], labels[correct]
    rows = np.repeat(np.arange(20), 9)
    targets = np.concatenate([[c for c in range(10) if c != label] for label in labels])
    return images[rows], labels[rows], targets


def means(result):
    delta = result.delta[result.success]
    return {name: getattr(sa.metrics, name)(delta).mean() for name in ("l0", "l1", "l2")}


@pytest.mark.slow
@pytest.mark.parametrize("values", [{}, {"group_size": 3, "stride": 2}])
def test_every_target_of_twenty_digits_is_reached(mnist, twenty_digits, values):
    result = sa.StrAttack(**values)(mnist, *twenty_digits)
    assert result.success.all()
    assert result.gradient_evaluations.max() <= 500
    found = means(result)
    assert 60 <= found["l0"] <= 115
    assert 11 <= found["l1"] <= 17
    assert 1.5 <= found["l2"] <= 2.1


@pytest.mark.slow
def test_the_paper_s_solver_reaches_every_target_of_twenty_digits(mnist, twenty_digits):
    assert sa.StrAttack(solver="paper")(mnist, *twenty_digits).success.all()


@pytest.mark.slow
def test_as_sparse_and_as_small_as_the_paper_s_solver_on_a_twentieth_of_its_gradients(mnist, digits):
    authors = sa.solvers.Paper(rho=15.0, alpha=5.0, search_steps=6, max_iterations=1000)
    ours = sa.StrAttack()(mnist, *digits)
    theirs = sa.StrAttack(solver=authors, tau=3.0, gamma=2.0)(mnist, *digits)
    assert ours.success.all()
    assert theirs.success.all()
    assert means(ours)["l0"] <= means(theirs)["l0"]
    assert means(ours)["l2"] <= means(theirs)["l2"]
    assert 20 * ours.gradient_evaluations.mean() <= theirs.gradient_evaluations.mean()


def test_better_than_the_peers_on_their_cases(shared_networks):
    cases = np.load(shared_networks / "cases" / "mnist_cases.npz")
    classifier = sa.Classifier.load(shared_networks / "cases" / "mnist_net.keras", preprocessing=lambda x: x - 0.5)
    result = sa.StrAttack(epsilon=None)(classifier, cases["images"], cases["labels"], cases["targets"])
    assert result.success.all()
    assert result.gradient_evaluations.max() <= 400
    found = means(result)
    assert found["l0"] <= 90
    assert found["l1"] <= 18
    assert found["l2"] <= 2.5
