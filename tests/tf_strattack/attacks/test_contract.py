"""The attacks, and variants of them, keep the contract."""

import numpy as np
import pytest

import tf_strattack as sa
from tests.contract import Contract
from tf_strattack.problem.distortions import DISTORTIONS

STRUCTURED = {
    "default": {},
    "overlap": {"group_size": 3, "stride": 2},
    "overlap_paper_copies": {
        "group_size": 3,
        "stride": 2,
        "solver": sa.solvers.Admm(copies="paper", max_iterations=150),
    },
    "drop": {"group_size": 4, "border": "drop"},
    "l2_half": {"penalty": "l2_half"},
    "few_groups": {"max_groups": 20},
    "admm": {"solver": "admm"},
    "admm_overlap": {"solver": "admm", "group_size": 3, "stride": 2},
    "paper": {
        "solver": sa.solvers.Paper(max_iterations=60),
        "refine": sa.Refinement(solver=sa.solvers.Paper.refining(max_iterations=20)),
    },
    "untouched": {"refine": False},
}

ATTACKS = {
    **{f"strattack_{name}": sa.StrAttack(**values) for name, values in STRUCTURED.items()},
    "cw_l2": sa.CarliniWagnerL2(epsilon=0.6, initial_c=0.1, search_steps=4, max_iterations=100, learning_rate=0.05),
    "ead_en": sa.ElasticNet(epsilon=0.6, initial_c=0.1, search_steps=4, max_iterations=100, learning_rate=0.05),
    "fgm_l1": sa.FGM(epsilon=0.6, norm="l1"),
    "fgm_l2": sa.FGM(epsilon=0.6, norm="l2"),
    "ifgm_linf": sa.IFGM(epsilon=0.6, grid_ratio=1.2, steps=4),
    "ifgm_l2": sa.IFGM(epsilon=0.6, norm="l2", grid_ratio=1.2, steps=4),
    "pgd_linf": sa.PGD(epsilon=0.6, steps=20),
    "pgd_l2": sa.PGD(epsilon=3.0, norm="l2", steps=20, restarts=2),
    "pgd_l1": sa.PGD(epsilon=25.0, norm="l1", steps=20, loss="margin", sparsity=0.05),
    "sigma_zero": sa.SigmaZero(epsilon=0.6, max_iterations=100),
    "sigma_zero_groups": sa.SigmaZero(epsilon=0.6, max_iterations=100, groups=2),
    # Without groups: the framework as other attacks' problems.
    **{
        f"admm_{name}": sa.StrAttack(epsilon=0.6, distortion=name, tau=0.0, solver="admm", refine=False)
        for name in DISTORTIONS
    },
    "sparse_in_entries": sa.StrAttack(distortion=sa.distortions.ElasticNet(beta=0.5)),
}


# Variants whose code the others run, too.
SLOW = {
    "strattack_overlap",
    "strattack_overlap_paper_copies",
    "admm_l0",
    "strattack_drop",
    "strattack_l2_half",
    "ifgm_linf",
    "strattack_paper",
    "strattack_few_groups",
    "ead_en",
    "strattack_untouched",
    "fgm_l1",
    "ifgm_l2",
    "pgd_linf",
    "pgd_l1",
    "sigma_zero",
    "admm_l1",
    "admm_en",
    "admm_linf",
    "admm_l2",
    "strattack_admm_overlap",
    "sparse_in_entries",
}


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in ATTACKS], scope="module"
)
def attack(request):
    return ATTACKS[request.param]


class TestAttacks(Contract):
    pass


def test_a_mask_for_each_example_does_what_one_for_all_does(exact):
    classifier, images, labels, targets = exact
    mask = np.zeros((6, 6), bool)
    mask[1:, :5] = True
    one, each = (
        sa.StrAttack()(classifier, images, labels, targets, mask=given)
        for given in (mask, np.repeat(mask[None], len(images), axis=0))
    )
    assert one.success.any()
    np.testing.assert_array_equal(one.adversarial[:, ~mask], images[:, ~mask])
    np.testing.assert_array_equal(each.adversarial, one.adversarial)
