"""`--attack`: the attacks by name, and their hyper-parameters from the command line."""

from __future__ import annotations

from typing import Any

from eval.inputs.attack_parameters import assemble, flat, parse
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
    """Makes the attack `name`, with `assignments` like "tau=2" over its own presets over `defaults`.

    `defaults` hold where they mean something: a group size for attacks with groups.

    Raises:
      InputError: an unknown attack or parameter, or a value that does not fit.
    """
    if name not in ATTACKS:
        raise InputError(f"expected --attack to be one of {', '.join(ATTACKS)}, received {name!r}")
    kind, presets = ATTACKS[name]
    return assemble(name, kind, {**presets, **dict(map(parse, assignments))}, defaults)


def describe_attacks() -> str:
    """Every attack with its parameters and their values, a line each, as --attack_parameters takes them."""
    lines = []
    for name in ATTACKS:
        attack = make_attack(name, [])
        lines.append(f"{name}: {(attack.__doc__ or '').splitlines()[0]}")
        lines += [f"    {parameter}={value}" for parameter, value in flat(attack).items()]
    return "\n".join(lines)
