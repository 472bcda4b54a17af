"""The names of the attacks in the comparison; without imports, so that --help starts fast."""

# The attack that others are compared with, and the attack of the paper.
BASELINE, OURS = "cw_l2", "strattack"
# The paper's rows, sigma-zero, our variants, and the problems of other attacks in the ADMM framework.
DEFAULT = (
    "fgm_l2",
    "ifgm_l2",
    BASELINE,
    "ead_en",
    "sigma_zero",
    OURS,
    "strattack_overlap",
    "strattack_l2_half",
    "strattack_connected",
    "admm_l2",
    "admm_l1",
    "admm_en",
    "admm_l0",
    "admm_linf",
)
