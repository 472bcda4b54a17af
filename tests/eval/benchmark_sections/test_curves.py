"""The section curves: what solvers reach within so many gradient evaluations."""

import numpy as np
import pytest

from eval.benchmarks import curves


@pytest.mark.slow
def test_the_objective_of_a_curve_is_that_of_the_paper(net):
    rows = curves.measure_curves([net], examples=3, evaluations=[1, 40])
    assert [(row["series"], row["evaluations"]) for row in rows] == [
        ("prox_linear", 1),
        ("prox_linear", 40),
        ("paper", 1),
        ("paper", 40),
        ("default", None),
    ]
    assert (rows[0]["asr"], rows[0]["objective"], rows[0]["l0"]) == (0.0, None, None)
    attack = curves.limited("prox_linear", 40)
    result = attack(net.classifier, *net.examples(3), batch_size=3)
    delta = result.delta[result.success].astype(np.float64)
    groups = np.sqrt(np.square(delta).reshape(-1, 14, 2, 14, 2).sum(axis=(2, 4)))
    expected = attack.gamma * np.square(delta).sum(axis=(1, 2, 3)) + attack.tau * groups.sum(axis=(1, 2))
    assert rows[1]["objective"] == pytest.approx(expected.mean(), rel=1e-4)
    assert rows[1]["asr"] == result.success.mean() > 0
    assert rows[1]["gradient_evaluations_per_example"] == result.gradient_evaluations.mean()


@pytest.mark.parametrize("solver", curves.SOLVERS)
def test_a_budget_of_gradient_evaluations_is_kept(net, solver):
    result = curves.limited(solver, 12)(net.classifier, *net.examples(2))
    # One more may be spent on the originals, and as many again by ADMM where "prox_linear" finds nothing.
    found = result.forward_evaluations <= 2 if solver == "prox_linear" else np.ones(2, bool)
    assert (result.gradient_evaluations >= 12).all()
    assert (result.gradient_evaluations <= np.where(found, 13, 25)).all()
