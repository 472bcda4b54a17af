"""`--attack`: the attacks by name, and their hyper-parameters from the command line."""

from __future__ import annotations

import ast
import dataclasses
from typing import Any

from tf_strattack import FGM, IFGM, Attack, CarliniWagnerL2, ElasticNet, InputError, StrAttack
from tf_strattack.attacks.fast_gradient import NORMS
from tf_strattack.problem.distortions import DISTORTIONS

# Name → (class, parameters that differ from its defaults). A new attack is one line here.
ATTACKS: dict[str, tuple[type[Attack], dict[str, Any]]] = {
    "strattack": (StrAttack, {}),
    "strattack_overlap": (StrAttack, {"group_size": 3, "stride": 2}),
    "strattack_l2_half": (StrAttack, {"penalty": "l2_half"}),
    "cw_l2": (CarliniWagnerL2, {}),
    "ead_en": (ElasticNet, {"decision_rule": "en"}),
    "ead_l1": (ElasticNet, {"decision_rule": "l1"}),
    **{f"fgm_{norm}": (FGM, {"norm": norm}) for norm in NORMS},
    **{f"ifgm_{norm}": (IFGM, {"norm": norm}) for norm in NORMS},
    # Other attacks' problems by our solver: no groups, and neither the cap nor the refinement that they do not have.
    **{
        f"admm_{distortion}": (
            StrAttack,
            {"distortion": distortion, "tau": 0.0, "solver": "admm", "epsilon": None, "refine": False},
        )
        for distortion in DISTORTIONS
    },
}


def make_attack(name: str, assignments: list[str], **defaults: Any) -> Attack:
    """Makes the attack `name`, with `assignments` like "tau=2" over `defaults` over its own presets.

    Raises:
      InputError: an unknown attack or parameter, or a value that does not fit.
    """
    if name not in ATTACKS:
        raise InputError(f"expected --attack to be one of {', '.join(ATTACKS)}, received {name!r}")
    attack, presets = ATTACKS[name]
    fields = _parameters(attack)
    given = {}
    for assignment in assignments:
        parameter, separator, value = assignment.partition("=")
        if not separator:
            raise InputError(f"expected --attack_parameters=name=value,..., received {assignment!r}")
        if parameter not in fields:
            raise InputError(f"expected a parameter of {name} ({', '.join(fields)}), received {parameter!r}")
        given[parameter] = _parse(value)
    usable = {parameter: value for parameter, value in defaults.items() if parameter in fields}
    return attack(**{**usable, **presets, **given})


def describe_attacks() -> str:
    """Every attack with its parameters and their defaults, a line each."""
    lines = []
    for name in ATTACKS:
        attack = make_attack(name, [])
        lines.append(f"{name}: {(attack.__doc__ or '').splitlines()[0]}")
        lines += [f"    {parameter}={attack.parameters[parameter]}" for parameter in _parameters(type(attack))]
    return "\n".join(lines)


def _parameters(attack: type[Attack]) -> list[str]:
    """The names of the hyper-parameters that can be set."""
    return [field.name for field in dataclasses.fields(attack) if field.init]


def _parse(text: str) -> Any:
    words = {"none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
