"""Problems that are not convex begin at the solution of the convex one: what it finds is not lost."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import tf_strattack as sa

SOLVER = sa.solvers.ProxLinear(max_iterations=40)
CONVEX = sa.StrAttack(epsilon=None, solver=SOLVER, fallback=None, restarts=0, refine=False)
ALL_GROUPS = 9


def cost(attack, delta):
    return attack.objective(6, 6).cost(delta).numpy()


@pytest.mark.parametrize("change", [{"penalty": "l2_half"}, {"max_groups": ALL_GROUPS}], ids=["l2_half", "max_groups"])
def test_what_the_convex_problem_finds_is_kept_until_something_better_is_found(exact, change):
    convex = CONVEX(*exact)
    attack = dataclasses.replace(CONVEX, **change)
    result = attack(*exact)
    assert convex.success.sum() > 15
    assert result.success[convex.success].all()
    found = convex.success
    assert (cost(attack, result.delta[found]) <= cost(attack, convex.delta[found]) * (1 + 1e-6)).all()
    if "penalty" in change:
        assert (cost(attack, result.delta[found]) < 0.99 * cost(attack, convex.delta[found])).any()
        assert sa.metrics.nonzero_groups(result.delta, 2)[found].mean() < 0.9 * ALL_GROUPS


def test_both_runs_are_counted(exact):
    convex = CONVEX(*exact)
    attack = dataclasses.replace(CONVEX, penalty="l2_half")
    result = attack(*exact)
    # One at the original, 40 for the convex problem, and as many from its solution or from the original.
    assert set(result.gradient_evaluations[~convex.success]) <= {1 + 40 + 40}
    assert result.gradient_evaluations.max() <= 1 + 3 * 40
    assert attack.iterations() == 2 * CONVEX.iterations()
    assert set(result.origin[result.success]) == {"first run"}


def test_where_the_budget_leaves_nothing_the_original_is_begun_at(exact):
    results = [
        dataclasses.replace(CONVEX, max_groups=3, solver=solver)(*exact)
        for solver in (CONVEX.solver, sa.solvers.Admm(max_iterations=40))
    ]
    budget = results[0]
    assert (sa.metrics.nonzero_groups(budget.delta, 2) <= 3).all()
    assert 0 < budget.success.sum() < len(budget)
    assert budget.gradient_evaluations[~budget.success].max() == 1 + 3 * 40
    # ADMM solves the problem itself.
    assert results[1].gradient_evaluations.max() <= 1 + 40


def test_a_random_start_is_cut_to_the_budget(exact):
    """The start is a candidate itself, and a random one changes every group."""
    classifier, images, labels, _ = exact
    few = dataclasses.replace(CONVEX, max_groups=1, epsilon=0.2, restarts=4, solver=SOLVER)
    result = few(classifier, images, labels)
    assert not result.success.all(), "a group is not enough for all, and their random starts would be"
    assert sa.metrics.nonzero_groups(result.delta, 2).max() <= 1


def test_an_interruption_keeps_what_the_convex_problem_has_found(exact):
    attack = dataclasses.replace(CONVEX, penalty="l2_half")

    def interrupt(progress):
        if progress.iterations >= 40:
            raise KeyboardInterrupt

    result = attack(*exact, callback=interrupt)
    assert result.interrupted
    assert np.array_equal(result.success, CONVEX(*exact).success)
