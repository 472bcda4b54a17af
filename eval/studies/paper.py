"""Figures printed in the paper (arXiv 1808.01664), to compare with ours. Distances are in [0, 1] scale."""

from __future__ import annotations

_MEASURES = ("asr", "l0", "l1", "l2", "linf")
_CASES = ("best", "average", "worst")

Blocks = dict[str, dict[str, float | None]]


def _row(text: str) -> Blocks:
    """A row as the paper prints it: for each case, ASR in per cent and four distances; after an ASR of 0, none."""
    blocks: Blocks = {}
    for case, part in zip(_CASES, text.split("|"), strict=True):
        success, *distances = map(float, part.split())
        nothing: list[float | None] = [None] * 4
        values = [success / 100, *(distances or nothing)]
        blocks[case] = dict(zip(_MEASURES, values, strict=True))
    return blocks


# Table 1: data set → attack → row. The distances of FGM and IFGM suggest steps along the l2-normalised gradient.
TABLE_1 = {
    "mnist": {
        "fgm_l2": _row("99.3 456.5 28.2 2.32 0.57 | 35.8 466 39.4 3.17 0.717 | 0"),
        "ifgm_l2": _row("100 549.5 18.3 1.57 0.4 | 100 588 30.9 2.41 0.566 | 99.8 640.4 50.98 3.742 0.784"),
        "cw_l2": _row("100 479.8 13.3 1.35 0.397 | 100 493.4 21.3 1.9 0.528 | 99.7 524.3 29.9 2.45 0.664"),
        "strattack": _row("100 73.2 10.9 1.51 0.384 | 100 119.4 18.05 2.16 0.47 | 100 182.0 26.9 2.81 0.5"),
        "strattack_overlap": _row("100 84.4 9.2 1.32 0.401 | 100 157.4 16.2 1.95 0.508 | 100 260.9 22.9 2.501 0.653"),
    },
    "cifar10": {
        "fgm_l2": _row("98.5 3049 12.9 0.389 0.046 | 44.1 3048 34.2 0.989 0.113 | 0.2 3071 61.3 1.76 0.194"),
        "ifgm_l2": _row("100 3051 6.22 0.182 0.02 | 100 3051 13.7 0.391 0.0433 | 100 3060 22.9 0.655 0.075"),
        "cw_l2": _row("100 2954 6.03 0.178 0.019 | 100 2956 12.1 0.347 0.0364 | 99.9 3070 16.8 0.481 0.0536"),
        "strattack": _row("100 264 3.33 0.204 0.031 | 100 487 7.13 0.353 0.050 | 100 772 12.5 0.563 0.075"),
        "strattack_overlap": _row("100 295 3.35 0.169 0.029 | 100 562 7.05 0.328 0.047 | 100 920 12.9 0.502 0.063"),
    },
    "imagenet": {
        "fgm_l2": _row("12 264917 152 0.477 0.0157 | 2 263585 51.3 0.18 0.00614 | 0"),
        "ifgm_l2": _row("100 267079 299.32 0.9086 0.02964 | 100 267293 723 2.2 0.0792 | 98 267581 1378 4.22 0.158"),
        "cw_l2": _row("100 267916 127 0.471 0.016 | 100 263140 198 0.679 0.03 | 100 265212 268 0.852 0.041"),
        "strattack": _row("100 14462 55.2 0.719 0.058 | 100 52328 152 1.06 0.075 | 100 80722 197 1.35 0.122"),
    },
}

# Section 5: the share of C&W's examples that still succeed after truncation to as many changes as StrAttack's.
THRESHOLDED_CW = 0.067
# Appendix F: the share of StrAttack's perturbations that can be retrained to the sparse pattern of the 3 % quantile.
RETRAINED = 0.73

# Table A1, StrAttack on MNIST networks: attack whose examples were trained on → case → measure.
TABLE_A1 = {
    "none": {
        "best": {"asr": 1.0, "l1": 10.9, "l2": 1.51},
        "average": {"asr": 1.0, "l1": 18.05, "l2": 2.16},
        "worst": {"asr": 1.0, "l1": 26.9, "l2": 2.81},
    },
    "cw_l2": {
        "best": {"asr": 1.0, "l1": 16.1, "l2": 1.87},
        "average": {"asr": 1.0, "l1": 25.1, "l2": 2.58},
        "worst": {"asr": 1.0, "l1": 34.2, "l2": 3.26},
    },
    "strattack": {
        "best": {"asr": 1.0, "l1": 15.6, "l2": 1.86},
        "average": {"asr": 1.0, "l1": 25.1, "l2": 2.61},
        "worst": {"asr": 1.0, "l1": 34.6, "l2": 3.31},
    },
}

# Appendix H: success against defensive distillation, "for different temperatures", on MNIST and CIFAR-10.
DISTILLATION_ASR = 1.0

# Section 6: mean interpretability score with class activation maps, over 500 ImageNet examples.
CAM_SCORES = {"cw_l2": 0.65, "strattack": 0.77}
