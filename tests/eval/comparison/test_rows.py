"""The rows of a comparison: commands of eval.attack, and what the paper has of them."""

import pytest

import tf_strattack as sa
from eval.studies.comparison.names import DEFAULT
from eval.studies.comparison.rows import Comparison, check_attacks, check_parameters
from eval.studies.paper import TABLE_1
from eval.tables.measures import CASES, MEASURES


def test_rows_are_commands_of_eval_attack_with_their_own_parameters(tmp_path):
    comparison = Comparison(tmp_path, ("--seed=3",), {"cw_l2": ["search_steps=2"], "strattack": ["gamma=2"]})
    cw, front, plain = comparison.row("cw_l2"), comparison.at_tau(0.5), comparison.unrefined()
    assert cw.steps[0].arguments == (
        "--attack=cw_l2",
        "--attack_parameters=search_steps=2",
        "--seed=3",
        f"--output_dir={tmp_path}/attacks/cw_l2",
    )
    assert "--attack_parameters=gamma=2,tau=0.5" in front.steps[0].arguments
    assert "--attack_parameters=gamma=2,refine=False" in plain.steps[0].arguments
    assert cw.shown
    assert not front.shown
    assert not plain.shown
    assert len({cw.run, front.run, plain.run, comparison.row("strattack").run}) == 4


def test_mistakes_in_attacks_and_parameters_are_named():
    assert check_attacks("attacks", ["cw_l2", "fgm_l2", "cw_l2"]) == ["cw_l2", "fgm_l2"]
    for names, message in ((["cw"], "received 'cw'"), ([], "received none")):
        with pytest.raises(sa.InputError, match=message):
            check_attacks("attacks", names)
    for given in ("tau=2", "cw.tau=2"):
        with pytest.raises(sa.InputError, match=r"expected --attack_parameters=attack.name=value,"):
            check_parameters([given], 2)
    with pytest.raises(sa.InputError, match="expected a parameter of cw_l2"):
        check_parameters(["cw_l2.tau=2"], 2)
    assert check_parameters(["strattack.tau=2"], 2) == {"strattack": ["tau=2"]}


def test_the_papers_rows_are_those_of_the_default_with_every_figure():
    for dataset in ("mnist", "cifar10"):
        assert set(TABLE_1[dataset]) < set(DEFAULT)
    assert TABLE_1["mnist"]["strattack"]["average"] == {"asr": 1.0, "l0": 119.4, "l1": 18.05, "l2": 2.16, "linf": 0.47}
    assert TABLE_1["mnist"]["fgm_l2"]["worst"] == {"asr": 0.0, "l0": None, "l1": None, "l2": None, "linf": None}
    for rows in TABLE_1.values():
        for blocks in rows.values():
            assert list(blocks) == list(CASES)
            assert all(list(block) == list(MEASURES) for block in blocks.values())
