"""Hyper-parameters of an attack and of its parts from the command line: flat, each in its place."""

import re

import pytest

import tf_strattack as sa
from eval.inputs.attack_parameters import flat
from eval.inputs.attacks import ATTACKS, EVERY, describe_attack, list_attacks, make_attack


@pytest.mark.parametrize(
    ("given", "attack"),
    [
        ("tau=2", sa.StrAttack(tau=2)),
        ("stride=1", sa.StrAttack(group_size=2, stride=1)),
        ("groups=3", sa.StrAttack(groups=3)),
        ("distortion=en,beta=2", sa.StrAttack(distortion=sa.distortions.ElasticNet(beta=2))),
        (
            "solver=paper,search_steps=9,rho=15,alpha=5",
            sa.StrAttack(solver=sa.solvers.Paper(search_steps=9, rho=15, alpha=5)),
        ),
        (
            "alpha=3 rho,rho=gamma,patience=none",
            sa.StrAttack(solver=sa.solvers.ProxLinear(alpha="3 rho", rho="gamma", patience=None)),
        ),
        ("fallback=none", sa.StrAttack(fallback=None)),
        ("fallback=paper,fallback.search_steps=2", sa.StrAttack(fallback=sa.solvers.Paper(search_steps=2))),
        ("restarts=0", sa.StrAttack(restarts=0)),
        ("restarts=7,seed=3", sa.StrAttack(restarts=7, seed=3)),
        ("fallback.max_iterations=7", sa.StrAttack(fallback=sa.solvers.Admm(max_iterations=7))),
        ("refine=false", sa.StrAttack(refine=False)),
        ("prune=groups,group_size=3", sa.StrAttack(group_size=3, refine=sa.Refinement(prune="groups"))),
        ("connected=true", sa.StrAttack(connected=True)),
        ("sigma_quantile=0.5", sa.StrAttack(refine=sa.Refinement(sigma_quantile=0.5))),
        (
            "solver=admm,refine.max_iterations=5",
            sa.StrAttack(solver="admm", refine=sa.Refinement(solver=sa.solvers.Admm.refining(max_iterations=5))),
        ),
        (
            "refine.solver=paper,refine.search_steps=2,refine.sigma_quantile=0.2",
            sa.StrAttack(refine=sa.Refinement(sigma_quantile=0.2, solver=sa.solvers.Paper.refining(search_steps=2))),
        ),
    ],
)
def test_each_name_finds_its_place(given, attack):
    assert make_attack("strattack", given.split(",")).hyper_parameters == attack.hyper_parameters


@pytest.mark.parametrize(
    ("name", "given", "message", "instead"),
    [
        (
            "strattack",
            "search_steps=9",
            "expected search_steps with solver=paper, received it with solver=prox_linear",
            "search_steps=9,solver=paper",
        ),
        (
            "strattack",
            "copies=paper",
            "expected copies with solver=admm or paper, received it with solver=prox_linear",
            "copies=paper,solver=admm,group_size=3,stride=2",
        ),
        (
            "strattack",
            "beta=9",
            "expected beta with distortion=en, received it with distortion=l2",
            "beta=9,distortion=en",
        ),
        (
            "strattack",
            "refine=false,sigma_quantile=0.5",
            "expected sigma_quantile with refine=true, received it with refine=false",
            "refine=true,sigma_quantile=0.5",
        ),
        (
            "strattack",
            "refine.search_steps=2",
            "expected refine.search_steps with refine.solver=paper, received it with refine.solver=prox_linear",
            "refine.search_steps=2,refine.solver=paper",
        ),
        (
            "strattack",
            "solver=admm,fallback.patience=3",
            "expected fallback.patience with fallback=admm, received it without a fallback",
            "solver=admm,fallback.patience=3,fallback=admm",
        ),
        (
            "strattack",
            "solver=admm,seed=3",
            "expected seed with restarts above 0, received seed=3 without: leave seed out",
            "solver=admm,seed=3,restarts=1",
        ),
        (
            "strattack",
            "refine_iterations=4",
            "expected refine.max_iterations, received refine_iterations",
            "refine.max_iterations=4",
        ),
        (
            "admm_l0",
            "group_size=3",
            "expected group_size with tau above 0 or with max_groups, as groups mean nothing without, "
            "received tau=0: leave group_size out",
            "group_size=3,max_groups=4",
        ),
        (
            "strattack",
            "solver=adam,rho=3",
            "expected rho with solver=prox_linear or admm or paper, received it with solver=adam",
            "solver=admm,rho=3",
        ),
        (
            "fgm_l2",
            "steps=3",
            "expected a parameter of fgm_l2 (epsilon, confidence, norm, grid_ratio), received 'steps'",
            "grid_ratio=1.1",
        ),
    ],
)
def test_what_means_nothing_there_is_refused_and_the_remedy_works(name, given, message, instead):
    with pytest.raises(sa.InputError) as error:
        make_attack(name, given.split(","))
    assert str(error.value) == message
    make_attack(name, instead.split(","))


@pytest.mark.parametrize("given", ["taw=1", "refine.taw=1", "fallback.taw=1"])
def test_an_unknown_name_is_refused_with_the_known_ones(given):
    prefix = given.partition("taw")[0]
    with pytest.raises(sa.InputError, match=rf"expected a parameter of .*{prefix}max_iterations.*'{prefix}taw'"):
        make_attack("strattack", [given])


def test_the_programs_groups_hold_where_groups_mean_something():
    assert make_attack("strattack", [], sa.SlidingMask(5)).groups == sa.SlidingMask(5)
    assert make_attack("strattack", ["stride=1"], sa.SlidingMask(3)).groups == sa.SlidingMask(3, stride=1)
    assert make_attack("strattack_overlap", [], sa.SlidingMask(5)).groups == sa.SlidingMask(3, stride=2)
    assert make_attack("strattack", ["group_size=4"], sa.SlidingMask(5)).groups == sa.SlidingMask(4)
    assert make_attack("strattack", ["groups=4"], sa.SlidingMask(5)).groups == sa.SlidingMask(4)
    assert make_attack("strattack", ["tau=0"], sa.SlidingMask(5)).groups is None
    assert make_attack("admm_l1", [], sa.SlidingMask(5)).groups is None
    assert make_attack("admm_l1", ["max_groups=3"], sa.SlidingMask(5)).groups == sa.SlidingMask(5)
    assert make_attack("cw_l2", [], sa.SlidingMask(5)) == sa.CarliniWagnerL2()
    assert make_attack("sigma_zero", [], sa.SlidingMask(5)).groups is None
    assert make_attack("sigma_zero_groups", [], sa.SlidingMask(5)).groups == sa.SlidingMask(5)
    assert make_attack("sigma_zero_groups", ["groups=4"], sa.SlidingMask(5)).groups == sa.SlidingMask(4)
    assert make_attack("sigma_zero_groups", []).groups == sa.SlidingMask(2)
    overlapping, halves = sa.SlidingMask(3, stride=2), sa.groups.rows(2, 2)
    assert make_attack("strattack", [], overlapping).groups == overlapping
    assert make_attack("strattack", ["group_size=4"], overlapping).groups == sa.SlidingMask(4)
    assert make_attack("strattack", [], halves).groups == halves
    assert make_attack("sigma_zero_groups", [], halves).groups == halves
    assert make_attack("strattack", ["group_size=4"], halves).groups == sa.SlidingMask(4)


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_listed_can_be_given_back(name):
    attack = make_attack(name, [])
    listed = [f"{parameter}={value}" for parameter, value in flat(attack).items()]
    assert make_attack(name, listed).hyper_parameters == attack.hyper_parameters
    described = describe_attack(name).splitlines()
    for line in listed:
        # Its meaning is in the line below.
        assert re.match(r" {6}\S.*\.$", described[described.index(f"  {line}") + 1]), line


def test_every_attack_is_listed_in_a_line_of_its_own():
    lines = list_attacks(EVERY).splitlines()
    about = dict(line.split(maxsplit=1) for line in lines[: len(ATTACKS)])
    assert list(about) == list(ATTACKS)
    assert len(set(about.values())) == len(ATTACKS)
    assert all("group" not in about[name] or "no groups" in about[name] for name in ATTACKS if name.startswith("admm"))


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [("strattack", "tua=3", "tau"), ("cw_l2", "max_iteration=3", "max_iterations"), ("cwl2", "", "cw_l2")],
)
def test_a_similar_name_is_suggested(name, given, meant):
    with pytest.raises(sa.InputError, match=f": did you mean {meant}\\?$"):
        make_attack(name, [given] if given else [])


def test_fractions_are_numbers():
    assert make_attack("fgm_linf", ["epsilon=8/255"]).epsilon == 8 / 255
    with pytest.raises(sa.InputError, match="received '8/0'"):
        make_attack("fgm_linf", ["epsilon=8/0"])


def test_the_list_has_what_runs_and_nothing_that_stands_for_a_default():
    listed = flat(make_attack("strattack", ["solver=paper"]))
    assert (listed["max_iterations"], listed["refine.max_iterations"], listed["sigma_quantile"]) == (1000, 200, 0.03)
    assert listed["fallback"] is False
    assert listed["restarts"] == 0
    unlimited = {name for name, value in listed.items() if value is None}
    assert unlimited == {"max_groups", "patience", "refine.patience", "prune"}  # no limit, nothing
