"""Structured adversarial attacks (StrAttack, ICLR 2019, arXiv 1808.01664) for TensorFlow and Keras."""

from tf_strattack import images, interpret, metrics, plot, shipped, solvers, targets, typing
from tf_strattack.attacks.attack import Attack
from tf_strattack.attacks.carlini_wagner import CarliniWagnerL2
from tf_strattack.attacks.elastic_net import ElasticNet
from tf_strattack.attacks.fast_gradient import FGM, IFGM
from tf_strattack.attacks.quantization import quantize
from tf_strattack.attacks.refinement import Refinement, refine
from tf_strattack.attacks.strattack import StrAttack
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.errors import InputError, InputWarning
from tf_strattack.problem import distortions, groups
from tf_strattack.problem.goal import Misclassify
from tf_strattack.problem.groups import SlidingMask
from tf_strattack.result import AttackResult
from tf_strattack.robustness import RobustnessCallback
from tf_strattack.runtime.progress import Progress
from tf_strattack.versions import __version__

__all__ = [
    "FGM",
    "IFGM",
    "Attack",
    "AttackResult",
    "CarliniWagnerL2",
    "Classifier",
    "ElasticNet",
    "InputError",
    "InputWarning",
    "Misclassify",
    "Progress",
    "Refinement",
    "RobustnessCallback",
    "SlidingMask",
    "StrAttack",
    "__version__",
    "distortions",
    "groups",
    "images",
    "interpret",
    "metrics",
    "plot",
    "quantize",
    "refine",
    "shipped",
    "solvers",
    "targets",
    "typing",
]


def __dir__() -> list[str]:
    """The public names, which completion offers."""
    return list(__all__)
