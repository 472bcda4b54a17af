"""Which hyper-parameters the attack takes, refuses, records and computes with."""

import dataclasses
import json

import numpy as np
import pytest

import tf_strattack as sa


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"group_size": 0}, "expected group_size to be a whole number of at least 1, received 0"),
        ({"group_size": 2, "stride": 3}, "expected stride to be a number at least 1 and at most 2, received 3"),
        ({"border": "wrap"}, "expected border to be one of cover, drop, received 'wrap'"),
        ({"penalty": "l1"}, "expected penalty to be one of l2, l2_half, received 'l1'"),
        ({"solver": "adam"}, "expected solver to be one of prox_linear, admm, paper, received 'adam'"),
        ({"solver": 3}, "expected solver to be a name or an object such as solvers.Admm(rho=2), received 3"),
        ({"fallback": "adam"}, "expected solver to be one of prox_linear, admm, paper, received 'adam'"),
        ({"restarts": -1}, "expected restarts to be a whole number of at least 0, received -1"),
        ({"seed": 1.5}, "expected seed to be a whole number of at least 0, received 1.5"),
        ({"seed": 1, "restarts": 0}, "expected seed with restarts above 0, received seed=1 without: leave seed out"),
        ({"distortion": "l3"}, "expected distortion to be one of l2, l1, en, l0, linf, received 'l3'"),
        ({"distortion": 2}, "expected distortion to be a name or an object such as ElasticNet(beta=2), received 2"),
        ({"groups": "2"}, "expected groups to be a mask such as SlidingMask(3, stride=2), received '2'"),
        ({"tau": -1}, "expected tau to be a number at least 0, received -1"),
        ({"gamma": 0}, "expected gamma to be a number above 0, received 0"),
        ({"epsilon": 1.5}, "expected epsilon, in [0, 1] scale, to be a number above 0 and at most 1, received 1.5"),
        ({"confidence": float("nan")}, "expected confidence to be a number at least 0, received nan"),
        ({"max_groups": 0}, "expected max_groups to be a whole number of at least 1, received 0"),
        ({"refine": 1}, "expected refine to be True, False or a Refinement, received 1"),
        (
            {"refine": sa.Refinement(gamma=2.0)},
            "expected a Refinement with the attack's gamma=1.0, received 2.0: leave gamma out of it",
        ),
    ],
)
def test_wrong_hyper_parameters_are_refused(values, message):
    with pytest.raises(sa.InputError) as error:
        sa.StrAttack(**values)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("values", "message", "instead"),
    [
        (
            {"groups": sa.SlidingMask(3), "stride": 2},
            "expected groups or stride, received both: groups=SlidingMask(size, stride, border)",
            {"groups": sa.SlidingMask(3, stride=2)},
        ),
        (
            {"tau": 0.0, "group_size": 3},
            "expected group_size with tau above 0 or with max_groups, as groups mean nothing without, "
            "received tau=0: leave group_size out",
            {"tau": 0.0},
        ),
        (
            {"tau": 0.0, "groups": 3},
            "expected groups with tau above 0 or with max_groups, as groups mean nothing without, "
            "received tau=0: leave groups out",
            {"tau": 0.0, "groups": 3, "max_groups": 5},
        ),
        (
            {"tau": 0.0, "penalty": "l2_half", "max_groups": 3},
            "expected penalty=l2_half with tau above 0, its weight, received tau=0",
            {"penalty": "l2_half", "max_groups": 3},
        ),
        (
            {"distortion": "l0"},
            "expected solver=admm or paper with distortion=l0, received prox_linear",
            {"distortion": "l0", "solver": "paper"},
        ),
    ],
)
def test_what_means_nothing_together_is_refused_and_the_remedy_works(values, message, instead):
    with pytest.raises(sa.InputError) as error:
        sa.StrAttack(**values)
    assert str(error.value) == message
    sa.StrAttack(**instead)


SOLVERS = sa.solvers


@pytest.mark.parametrize(
    ("old", "place", "new"),
    [
        ({"rho": 2.0}, "solver=sa.solvers.ProxLinear(rho=...)", {"solver": SOLVERS.ProxLinear(rho=2.0)}),
        (
            {"rho": 2.0, "solver": "admm"},
            "solver=sa.solvers.Admm(rho=...)",
            {"solver": SOLVERS.Admm(rho=2.0)},
        ),
        (
            {"max_iterations": 9, "solver": "paper"},
            "solver=sa.solvers.Paper(max_iterations=...)",
            {"solver": SOLVERS.Paper(max_iterations=9)},
        ),
        (
            {"search_steps": 9},
            "solver=sa.solvers.Paper(search_steps=...)",
            {"solver": SOLVERS.Paper(search_steps=9)},
        ),
        (
            {"copies": "paper"},
            "solver=sa.solvers.Admm(copies=...)",
            {"solver": SOLVERS.Admm(copies="paper"), "group_size": 3, "stride": 1},
        ),
        (
            {"beta": 2.0},
            "distortion=sa.distortions.ElasticNet(beta=...)",
            {"distortion": sa.distortions.ElasticNet(beta=2.0)},
        ),
        (
            {"sigma_quantile": 0.1},
            "refine=sa.Refinement(sigma_quantile=...)",
            {"refine": sa.Refinement(sigma_quantile=0.1)},
        ),
        (
            {"refine_iterations": 5, "solver": SOLVERS.Admm()},
            "refine=sa.Refinement(solver=sa.solvers.Admm.refining(max_iterations=...))",
            {"refine": sa.Refinement(solver=SOLVERS.Admm.refining(max_iterations=5))},
        ),
    ],
)
def test_a_hyper_parameter_that_moved_is_refused_with_its_place(old, place, new):
    name = next(name for name in old if name != "solver")
    with pytest.raises(sa.InputError) as error:
        sa.StrAttack(**old)
    assert str(error.value) == f"expected hyper-parameters of StrAttack, received {name}: {place}"
    sa.StrAttack(**new)


def test_an_unknown_hyper_parameter_is_refused_with_those_that_there_are():
    with pytest.raises(sa.InputError, match="received stepsize: it has epsilon, confidence, groups, group_size, "):
        sa.StrAttack(stepsize=3)
    with pytest.raises(sa.InputError, match=r"received rho: solver=sa.solvers.ProxLinear.refining\(rho=...\)"):
        sa.Refinement(rho=3)


def test_short_forms_and_names_are_the_objects_they_stand_for():
    assert sa.StrAttack(group_size=3, stride=2) == sa.StrAttack(groups=sa.SlidingMask(3, stride=2))
    assert sa.StrAttack(groups=3) == sa.StrAttack(group_size=3)
    assert sa.StrAttack(solver="paper") == sa.StrAttack(solver=sa.solvers.Paper())
    assert sa.StrAttack(distortion="en") == sa.StrAttack(distortion=sa.distortions.ElasticNet(beta=1.0))
    assert sa.StrAttack(tau=0.0).groups is None
    assert sa.StrAttack(solver="paper").refinement.solver == sa.solvers.Paper.refining()
    assert sa.StrAttack(solver="paper").fallback_solver is None
    assert sa.StrAttack().fallback_solver == sa.solvers.Admm()
    assert dataclasses.replace(sa.StrAttack(), tau=2.0).groups == sa.SlidingMask(2)


def test_records_hold_what_ran_and_nothing_that_stands_for_a_default():
    record = sa.StrAttack(solver="paper").hyper_parameters
    assert record["solver"]["max_iterations"] == 1000
    assert record["refine"]["sigma_quantile"] == 0.03
    assert record["refine"]["solver"]["class"] == "Paper"
    assert record["groups"] == {"class": "SlidingMask", "size": 2, "stride": 2, "border": "cover"}
    record = sa.StrAttack().hyper_parameters
    assert (record["solver"]["rho"], record["solver"]["alpha"]) == ("tangent", "8 rho")
    assert (record["restarts"], record["seed"]) == (4, 0)
    assert record["refine"]["sigma_quantile"] == 0.41
    assert record["max_groups"] is None  # no limit
    json.dumps(record)


@pytest.mark.slow
def test_every_numeric_parameter_matters(exact):
    classifier, images, labels, targets = exact
    few = sa.Refinement(solver=SOLVERS.ProxLinear.refining(max_iterations=10))
    base = sa.StrAttack(refine=few)(classifier, images, labels, targets).adversarial
    overlap = {"group_size": 3, "stride": 2}
    changes = [
        {"group_size": 3},
        {"tau": 0.2},
        {"gamma": 4.0},
        {"solver": SOLVERS.ProxLinear(rho=5.0)},
        {"solver": SOLVERS.ProxLinear(alpha=30.0)},
        {"solver": SOLVERS.ProxLinear(momentum=0.5)},
        {"solver": SOLVERS.ProxLinear(memory=0.2)},
        {"solver": SOLVERS.ProxLinear(initial_kappa=0.1)},
        {"fallback": False},
        {"solver": SOLVERS.ProxLinear(initial_radius=1.0)},
        {"epsilon": 0.2},
        {"confidence": 0.2},
        {"solver": SOLVERS.ProxLinear(max_iterations=60)},
        {"refine": False},
        {"refine": dataclasses.replace(few, sigma_quantile=0.5)},
        {"refine": sa.Refinement(solver=SOLVERS.ProxLinear.refining(max_iterations=3))},
        {"penalty": "l2_half"},
        {"group_size": 4, "border": "drop"},
        {"solver": SOLVERS.Paper(max_iterations=30)},
        overlap,
        {**overlap, "solver": "admm"},
        {**overlap, "solver": SOLVERS.Admm(copies="paper")},
        {"solver": SOLVERS.Admm(split_box=False)},
        {"max_groups": 5},
        {"solver": SOLVERS.ProxLinear(patience=3)},
    ]
    results = [base] + [
        sa.StrAttack(**{"refine": few, **change})(classifier, images, labels, targets).adversarial for change in changes
    ]
    for i, one in enumerate(results):
        for j in range(i):
            assert not np.array_equal(one, results[j]), (i, j)
    short, moved, long = (
        sa.StrAttack(solver=SOLVERS.Paper(max_iterations=20, **change), refine=few)(
            classifier, images, labels, targets
        ).c
        for change in ({"search_steps": 1}, {"search_steps": 1, "initial_c": 7.0}, {"search_steps": 4})
    )
    assert not np.array_equal(short, moved)
    assert not np.array_equal(short, long)
