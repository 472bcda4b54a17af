"""What the attacks of the section find, and what other programs have found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tf_strattack import Attack
from tf_strattack.typing import Flags, Images, Places

from ..nets import Net
from .budgets import spending, unlimited


class Series(NamedTuple):
    """What an attack, or another program, found for M examples of a net.

    Attributes:
      name: of the attack or program.
      found_by: the attack and its hyper-parameters, or the name of the program.
      evaluations: gradient evaluations per example; None if they are not known.
      places: (M,) which examples of the net these are.
      adversarial: (M, H, W, C) valid images.
      success: (M,) by the network.
    """

    name: str
    found_by: str
    evaluations: float | None
    places: Places
    adversarial: Images
    success: Flags


def attacked(net: Net, attacks: Mapping[str, Attack], evaluations: Sequence[int], number: int) -> list[Series]:
    """Attacks the first `number` examples with each number of gradient evaluations, where it can be set."""
    planned: dict[tuple[str, int | None], Attack] = {}
    for name, attack in ((name, unlimited(attack)) for name, attack in attacks.items()):
        for budget in evaluations:
            limited = spending(attack, budget)
            planned[name, None if limited is None else budget] = limited or attack
    series = []
    for (name, _), attack in tqdm(planned.items(), desc=f"structured, {net.name}", leave=False):
        result = attack(net.classifier, net.images[:number], net.labels[:number], net.targets[:number])
        found_by = f"{name} {json.dumps(attack.hyper_parameters)}"
        mean = float(result.gradient_evaluations.mean())
        series.append(Series(name, found_by, mean, np.arange(len(result)), result.adversarial, result.success))
    return series


def returned_by_peers(net: Net, number: int) -> list[Series]:
    """The images that other programs have returned for the first `number` examples, clipped to valid pixels."""
    series = []
    for name, images in net.peers.items():
        ran = np.flatnonzero(~np.isnan(images[:number]).any(axis=(1, 2, 3)))
        if len(ran):
            valid = np.clip(images[ran], *net.classifier.bounds).astype(np.float32)
            success = net.classifier.fooled_by(valid, net.labels[ran], net.targets[ran])
            series.append(Series(name, name, None, ran, valid, success))
    return series
