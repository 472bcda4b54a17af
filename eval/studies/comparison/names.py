"""The attacks of the comparison by name; without imports, so that help has them at once."""

# What the others are set against, and the attack that the paper is about.
BASELINE, OURS = "cw_l2", "strattack"
# The paper's rows, the one penalty beyond it, and the framework as other attacks' problems.
DEFAULT = (
    "fgm_l2",
    "ifgm_l2",
    BASELINE,
    "ead_en",
    OURS,
    "strattack_overlap",
    "strattack_l2_half",
    "admm_l2",
    "admm_l1",
    "admm_en",
    "admm_l0",
    "admm_linf",
)
