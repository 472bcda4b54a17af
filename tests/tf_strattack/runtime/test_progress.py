"""What callbacks hear, against what an independent reckoning makes of the results."""

import dataclasses
import itertools

import numpy as np
import pytest

import tf_strattack as sa
from tests.builders import brief, count_traces
from tf_strattack.runtime.progress import Means, Tracker

DESCENT = {"epsilon": 0.6, "initial_c": 0.1, "search_steps": 3, "max_iterations": 60, "learning_rate": 0.05}


def heard(attack, exact, rows=slice(None), **arguments):
    """The result, and all reports to a callback."""
    classifier, images, labels, targets = exact
    seen = []
    result = attack(classifier, images[rows], labels[rows], targets[rows], callback=seen.append, **arguments)
    return result, seen


def squares(delta):
    return np.square(delta.astype(float)).sum(axis=(1, 2, 3))


def group_norms(delta):
    """The sum over 2 x 2 groups of the l2 norms, by reshaping 6 x 6 images."""
    blocks = delta.astype(float).reshape(len(delta), 3, 2, 3, 2)
    return np.sqrt(np.square(blocks).sum(axis=(2, 4))).sum(axis=(1, 2))


def last_objective(seen, stage="attack"):
    return [progress.objective for progress in seen if progress.stage == stage and progress.objective is not None][-1]


@pytest.mark.parametrize("solver", ["prox_linear", "admm", "paper"])
def test_the_objective_is_the_mean_over_those_that_succeed(exact, solver):
    numbers = {"rho": 3.0, "max_iterations": 60, "patience": 20}
    made = {
        "prox_linear": sa.solvers.ProxLinear(**numbers),
        "admm": sa.solvers.Admm(**numbers),
        "paper": sa.solvers.Paper(**numbers, search_steps=3),
    }
    fallback = made["admm"] if solver == "prox_linear" else False
    attack = sa.StrAttack(solver=made[solver], fallback=fallback, gamma=1.5, tau=0.4, refine=False)
    result, seen = heard(attack, exact)
    assert 0.5 < result.success.mean() < 1, "both kinds are needed"
    delta = result.delta[result.success]
    expected = (1.5 * squares(delta) + 0.4 * group_norms(delta)).mean()
    assert last_objective(seen) == pytest.approx(expected, rel=1e-5)
    assert seen[0].objective is None
    assert {progress.rho for progress in seen} <= {3.0, None}
    assert seen[0].rho == 3.0


def test_the_refinement_has_an_objective_of_its_own(exact):
    result, seen = heard(sa.StrAttack(gamma=1.5), exact)
    assert [stage for stage, _ in itertools.groupby(seen, lambda progress: progress.stage)] == ["attack", "refinement"]
    delta = result.delta[result.success]
    assert last_objective(seen, "refinement") == pytest.approx((1.5 * squares(delta)).mean(), rel=1e-5)
    assert last_objective(seen, "refinement") < last_objective(seen)
    classifier, images, labels, targets = exact
    alone = []
    given = sa.StrAttack(gamma=1.5, refine=False)(classifier, images, labels, targets)
    refined = sa.refine(classifier, images, given.adversarial, labels, targets, gamma=1.5, callback=alone.append)
    assert {progress.stage for progress in alone} == {"refinement"}
    expected = (1.5 * squares(refined.delta[refined.success])).mean()
    assert last_objective(alone, "refinement") == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("attack", "size"),
    [
        (sa.CarliniWagnerL2(**DESCENT), squares),
        (sa.ElasticNet(**DESCENT, beta=0.0), squares),
        (sa.FGM(norm="l2", epsilon=0.6), None),
    ],
    ids=["cw_l2", "elastic_net", "fgm"],
)
def test_attacks_without_kappa_and_rho_report_neither(exact, attack, size):
    result, seen = heard(attack, exact)
    assert {(progress.kappa, progress.rho) for progress in seen} == {(None, None)}
    assert result.success.any()
    expected = result.c[result.success] if size is None else size(result.delta[result.success])
    assert last_objective(seen) == pytest.approx(expected.mean(), rel=1e-5)
    assert seen[0].c is not None


def test_a_search_reports_the_c_that_it_tries(exact):
    solver = sa.solvers.Paper(initial_c=0.7, search_steps=1, max_iterations=25)
    searching = sa.StrAttack(solver=solver, refine=False)
    _, seen = heard(searching, exact)
    assert [progress.c for progress in seen[:-1]] == [pytest.approx(0.7)] * (len(seen) - 1)
    assert {progress.kappa for progress in seen} == {None}  # which the paper's step does not have
    _, seen = heard(dataclasses.replace(searching, solver=dataclasses.replace(solver, search_steps=2)), exact, slice(1))
    told = list(dict.fromkeys(round(progress.c, 4) for progress in seen[:-1]))
    assert told in ([0.7, 0.07], [0.7, 7.0])


def test_means_are_over_the_examples_and_not_their_padding(exact):
    attack = brief(12, refine=False)
    _, together = heard(attack, exact, slice(3))
    alone = [heard(attack, exact, slice(row, row + 1))[1] for row in range(3)]
    for name in ("kappa", "rho", "c"):
        expected = np.mean([getattr(seen[0], name) for seen in alone])
        assert getattr(together[0], name) == pytest.approx(expected, rel=1e-6), name
    assert len({seen[0].rho for seen in alone}) == 3


def test_examples_that_are_finished_leave_the_means(exact):
    attack = brief(110, patience=10, refine=False)
    _, seen = heard(attack, exact, slice(4))
    alone = [heard(attack, exact, slice(row, row + 1)) for row in range(4)]
    last = max(alone, key=lambda outcome: outcome[0].gradient_evaluations[0])
    final = [progress for progress in seen if progress.rho is not None][-1]
    assert final.rho == pytest.approx(last[1][0].rho, rel=1e-6)
    assert final.rho != pytest.approx(seen[0].rho, rel=1e-3)


def test_batches_are_counted_and_iterations_within_each(exact):
    result, seen = heard(sa.StrAttack(), exact, batch_size=9)
    batches = [list(group) for _, group in itertools.groupby(seen, lambda progress: progress.batch)]
    assert [batch[0].batch for batch in batches] == [0, 1, 2]
    longest = max(progress.iterations for progress in seen if progress.stage == "attack")
    assert longest > sa.solvers.ProxLinear().max_iterations, "a second attempt at what is missing is needed"
    for number, batch in enumerate(batches):
        steps = [progress.iterations for progress in batch]
        assert steps[0] == 1
        assert steps[:-1] == sorted(set(steps[:-1]))
        assert steps[-1] == steps[-2]  # the end of the batch
        assert (batch[0].stage, batch[-1].stage) == ("attack", "refinement")
        rates = [progress.success_rate for progress in batch]
        assert rates == sorted(rates)
        assert rates[0] < rates[-1] == pytest.approx(result.success[9 * number : 9 * number + 9].mean())
        assert (batch[-1].objective, batch[-1].kappa, batch[-1].rho, batch[-1].c) == (None,) * 4


def test_a_batch_started_again_is_another_one():
    seen = []
    tracker = Tracker(4, seen.append)
    for rows in (4, 2, 2):  # memory did not suffice for four
        tracker.start_batch(rows, 10)
        tracker.report(np.arange(rows), np.full(rows, np.inf, np.float32), Means)
        if rows == 2:
            tracker.end_batch(1)
    assert [progress.batch for progress in seen] == [0, 1, 1, 2, 2]
    assert [progress.success_rate for progress in seen] == [0.0, 0.0, 0.5, 0.0, 0.5]
    assert seen[-1].successes == 2


def test_without_a_callback_no_means_are_taken():
    def means():
        raise AssertionError

    tracker = Tracker(2, None)
    tracker.start_batch(2, 10)
    tracker.report(np.arange(2), np.zeros(2, np.float32), means)


def test_listening_changes_no_result_and_traces_nothing():
    classifier, images, labels, traced = count_traces(40, seed=1)
    attack, targets = sa.StrAttack(), (labels + 1) % 4
    silent = attack(classifier, images, labels, targets)
    before = len(traced)
    followed = attack(classifier, images, labels, targets, callback=lambda progress: None)
    assert len(traced) == before
    np.testing.assert_array_equal(followed.adversarial, silent.adversarial)
    assert followed.calls == silent.calls
