"""What the attacks of the section find, and what other programs have found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from tf_strattack import Attack
from tf_strattack.programs.interrupts import complete
from tf_strattack.typing import Flags, Images, Places

from ...runs.code import code_version
from ..nets import Net
from .budgets import spending, unlimited
from .kept import Found, Kept


class Series(NamedTuple):
    """What an attack, or another program, found for M examples of a net.

    Attributes:
      name: of the attack or program.
      hyper_parameters: of the attack; None for another program.
      budget: the gradient evaluations per example that were asked for; None if they cannot be set.
      evaluations: gradient evaluations per example; None if they are not known.
      places: (M,) which examples of the net these are.
      adversarial: (M, H, W, C) valid images.
      success: (M,) by the network.
    """

    name: str
    hyper_parameters: dict[str, Any] | None
    budget: int | None
    evaluations: float | None
    places: Places
    adversarial: Images
    success: Flags

    @property
    def found_by(self) -> str:
        """The attack with its hyper-parameters, or the name of the program."""
        return self.name if self.hyper_parameters is None else f"{self.name} {json.dumps(self.hyper_parameters)}"


def attacked(
    net: Net, attacks: Mapping[str, Attack], evaluations: Sequence[int], number: int, kept: Kept
) -> list[Series]:
    """Attacks the first `number` examples with each number of gradient evaluations, where it can be set.

    What a run that was stopped has `kept` is not made again.
    """
    planned: dict[tuple[str, int | None], Attack] = {}
    for name, attack in ((name, unlimited(attack)) for name, attack in attacks.items()):
        for budget in evaluations:
            limited = spending(attack, budget)
            planned[name, None if limited is None else budget] = limited or attack
    series = []
    some = net.images[:number], net.labels[:number], net.targets[:number]
    same = {**net.facts(), "number": number, "code": code_version()}
    for (name, budget), attack in tqdm(planned.items(), desc=f"structured, {net.name}", leave=False):
        made_from = {**same, "attack": [name, attack.hyper_parameters]}
        found = kept.read(net.name, name, budget, made_from)
        if found is None:
            result = complete(attack(net.classifier, *some))
            found = Found(result.adversarial, float(result.gradient_evaluations.mean()))
            kept.write(net.name, name, budget, made_from, found)
        success = net.classifier.fooled_by(found.adversarial, *some[1:])
        rows = np.arange(len(success))
        series.append(
            Series(name, attack.hyper_parameters, budget, found.evaluations, rows, found.adversarial, success)
        )
    return series


def returned_by_peers(net: Net, number: int) -> list[Series]:
    """The images that other programs have returned for the first `number` examples, clipped to valid pixels."""
    series = []
    for name, images in net.peers.items():
        ran, valid, success = net.judged(images[:number])
        if len(ran):
            series.append(Series(name, None, None, None, ran, valid, success))
    return series
