"""Structured adversarial attacks (StrAttack, ICLR 2019, arXiv 1808.01664) for TensorFlow and Keras."""

from tf_strattack import groups, images, interpret, metrics, shipped
from tf_strattack.attack import Attack
from tf_strattack.baselines import FGM, IFGM, CarliniWagnerL2, ElasticNet
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.errors import InputError, InputWarning
from tf_strattack.progress import Progress
from tf_strattack.quantization import Quantization, quantize
from tf_strattack.refine import Refinement, refine
from tf_strattack.result import AttackResult
from tf_strattack.robustness import RobustnessCallback
from tf_strattack.strattack import StrAttack
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
    "Progress",
    "Quantization",
    "Refinement",
    "RobustnessCallback",
    "StrAttack",
    "__version__",
    "groups",
    "images",
    "interpret",
    "metrics",
    "quantize",
    "refine",
    "shipped",
]
