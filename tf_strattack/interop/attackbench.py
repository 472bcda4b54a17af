"""Attacks in the form of AttackBench (https://github.com/attackbench/AttackBench, arXiv 2404.19460).

A function `tfs_NAME` is a configuration: its local names are the settings. `get_tfs_NAME` makes the attack whose `name`
they state. Numbers of steps keep within 2000 propagations, AttackBench's budget: a step takes a forward and a backward
pass, and one of ADMM another forward pass.
"""

from __future__ import annotations

from typing import Any

from tf_strattack.attacks.attack import Attack
from tf_strattack.attacks.sigma_zero import SigmaZero
from tf_strattack.attacks.strattack import StrAttack
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.inspection import Findings
from tf_strattack.classifiers.outputs import LOGITS
from tf_strattack.classifiers.passing import kept_classifier
from tf_strattack.classifiers.torch_modules import adapt_torch
from tf_strattack.interop.torch_tensors import attacked, check_tensor
from tf_strattack.solvers import Admm, ProxLinear
from tf_strattack.typing import Images

_prefix = "tfs"


def tfs_sigma_zero() -> None:
    """Few changed entries, by sigma-zero."""
    name = "sigma_zero"
    source = "tf_strattack"
    threat_model = "l0"
    num_steps = 990


def tfs_admm_l0() -> None:
    """The fewest changed entries, by ADMM."""
    name = "admm"
    source = "tf_strattack"
    threat_model = "l0"
    num_steps = 660


def tfs_admm_l1() -> None:
    """The least l1 norm, by ADMM."""
    name = "admm"
    source = "tf_strattack"
    threat_model = "l1"
    num_steps = 660


def tfs_admm_l2() -> None:
    """The least l2 norm, by ADMM."""
    name = "admm"
    source = "tf_strattack"
    threat_model = "l2"
    num_steps = 660


def tfs_prox_linear_l1() -> None:
    """The least l1 norm, by the prox-linear solver."""
    name = "prox_linear"
    source = "tf_strattack"
    threat_model = "l1"
    num_steps = 990


def tfs_prox_linear_l2() -> None:
    """The least l2 norm, by the prox-linear solver."""
    name = "prox_linear"
    source = "tf_strattack"
    threat_model = "l2"
    num_steps = 990


def tfs_strattack() -> None:
    """Few changed squares of pixels, and little distortion."""
    name = "strattack"
    source = "tf_strattack"
    threat_model = "l2"
    group_size = 2
    tau = 0.65


def get_tfs_sigma_zero(num_steps: int) -> Attack:
    """Few changed entries, by `SigmaZero`."""
    return SigmaZero(max_iterations=num_steps)


def get_tfs_admm(threat_model: str, num_steps: int) -> Attack:
    """The least distortion `threat_model`, without groups, by `Admm`."""
    return _without_groups(threat_model, Admm(max_iterations=num_steps, patience=num_steps))


def get_tfs_prox_linear(threat_model: str, num_steps: int) -> Attack:
    """The least distortion `threat_model`, "l1" or "l2", without groups, by `ProxLinear`."""
    return _without_groups(threat_model, ProxLinear(max_iterations=num_steps, patience=num_steps))


def get_tfs_strattack(group_size: int, tau: float) -> Attack:
    """Few changed groups of pixels, by `StrAttack`, without a limit on the change and without restarts."""
    return StrAttack(group_size=group_size, tau=tau, epsilon=None, restarts=0, fallback=False)


def _without_groups(distortion: str, solver: Any) -> Attack:
    return StrAttack(
        distortion=distortion, tau=0.0, solver=solver, epsilon=None, refine=False, restarts=0, fallback=False
    )


def _wrapper(model: Any, inputs: Any, labels: Any, attack: Attack, targets: Any = None, targeted: bool = False) -> Any:
    """The examples (N, C, H, W) of an attack on a model of AttackBench, which counts what the model computes."""
    device = check_tensor(inputs).device

    def make() -> Classifier:
        return _Counted(adapt_torch(model, device, padding=False))

    classifier = kept_classifier(model, ("attackbench", str(device)), [], make)
    return attacked(attack, classifier, inputs, labels, targets, targeted)


class _Counted(Classifier):
    """A network whose calls count: it is known to return logits, so it is not checked, on noise for instance."""

    def _inspect(self, images: Images) -> None:
        self.num_classes = self.scores(images[:1]).shape[1]
        self.outputs = LOGITS
        self._findings = Findings(self.num_classes, LOGITS, behind_head=False, resolution=0.0)
        self._parts = None if self._adapted.parts is None else self._adapted.parts()
