"""Figures printed in the paper (arXiv 1808.01664), to stand beside ours. Distances are of pixels in [0, 1]."""

from __future__ import annotations

# Table A1, StrAttack on MNIST networks: adversarial training with examples of → case → measure.
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
