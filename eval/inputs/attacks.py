"""`--attack`: the attacks by name, and their hyper-parameters from the command line."""

from __future__ import annotations

from typing import Any

from tf_strattack import FGM, IFGM, PGD, Attack, CarliniWagnerL2, ElasticNet, InputError, SigmaZero, StrAttack
from tf_strattack.attacks.fast_gradient import NORMS
from tf_strattack.problem.distortions import DISTORTIONS
from tf_strattack.problem.groups import GroupStructure

from .attack_parameters import SHORT_FORMS, assemble, did_you_mean, flat, parse
from .groups import FILE, parse_groups
from .meanings import meaning_of, summary_of
from .own_attacks import check_recordable, is_own, load_attack

# Default radii of PGD: those for MNIST in Tramer and Boneh 2019 (arXiv 1904.13000).
_RADII = {"linf": 0.3, "l2": 2.0, "l1": 10.0}

# Name → (class, parameters other than the defaults of the class). A new attack is one line here.
ATTACKS: dict[str, tuple[type[Attack], dict[str, Any]]] = {
    "strattack": (StrAttack, {}),
    "strattack_overlap": (StrAttack, {"group_size": 3, "stride": 2}),
    "strattack_l2_half": (StrAttack, {"penalty": "l2_half"}),
    "strattack_connected": (StrAttack, {"connected": True}),
    "strattack_superpixels": (StrAttack, {"groups": "superpixels:64"}),
    "cw_l2": (CarliniWagnerL2, {}),
    "ead_en": (ElasticNet, {"decision_rule": "en"}),
    "ead_l1": (ElasticNet, {"decision_rule": "l1"}),
    **{f"fgm_{norm}": (FGM, {"norm": norm}) for norm in NORMS},
    **{f"ifgm_{norm}": (IFGM, {"norm": norm}) for norm in NORMS},
    **{f"pgd_{norm}": (PGD, {"norm": norm, "epsilon": radius}) for norm, radius in _RADII.items()},
    "sigma_zero": (SigmaZero, {}),
    "sigma_zero_groups": (SigmaZero, {"groups": 2}),
    # The problems of other attacks by our solver: without groups, and without the cap and the refinement they lack.
    **{
        f"admm_{distortion}": (
            StrAttack,
            {"distortion": distortion, "tau": 0.0, "solver": "admm", "epsilon": None, "refine": False},
        )
        for distortion in DISTORTIONS
    },
}


# Descriptions for attacks that the first line of their class does not describe well enough.
_ABOUT = {
    "strattack": "StrAttack (arXiv 1808.01664): few square groups of pixels change, and only slightly.",
    "strattack_overlap": "StrAttack with overlapping groups.",
    "strattack_l2_half": "StrAttack with a concave penalty: fewer groups, more distortion.",
    "strattack_connected": "StrAttack with its changes gathered in fewer clusters of groups.",
    "strattack_superpixels": "StrAttack with superpixels as groups, whatever --groups counts.",
    "ead_en": "EAD (arXiv 1709.04114): elastic net of l1 and l2; keeps the example with the smallest elastic net.",
    "ead_l1": "EAD; keeps the example with the smallest l1.",
    **{f"fgm_{norm}": f"The fast gradient method: one step, measured in {norm}." for norm in NORMS},
    **{f"ifgm_{norm}": f"The iterative fast gradient method, measured in {norm}." for norm in NORMS},
    **{
        f"pgd_{norm}": f"PGD (arXiv 1706.06083): an example within {radius:g} in {norm}, from random starts."
        for norm, radius in _RADII.items()
    },
    "sigma_zero": "sigma-zero (arXiv 2402.01879): the fewest changed entries.",
    "sigma_zero_groups": "sigma-zero with groups (our variant): the fewest changed groups.",
    **{
        f"admm_{distortion}": f"The smallest {'elastic net' if distortion == 'en' else distortion}, by ADMM: no groups."
        for distortion in DISTORTIONS
    },
}
# The value of --list_attacks without a value.
EVERY = "true"


def make_attack(name: str, assignments: list[str], groups: GroupStructure | None = None) -> Attack:
    """Makes the attack `name`, or one of the user's own; `assignments` like "tau=2" override its presets.

    `groups` are the default groups of an attack with groups; None for the attack's own default. Groups in words, as
    --groups takes them, are the attack's own.

    Raises:
      InputError: an unknown attack or parameter, or a value that does not fit.
    """
    if not is_own(name) and name not in ATTACKS:
        raise InputError(
            f"expected --attack to be one of {', '.join(ATTACKS)}, or package.module:ClassName of your own, received "
            f"{name!r}{did_you_mean(name, ATTACKS)}"
        )
    kind, presets = (load_attack(name), {}) if is_own(name) else ATTACKS[name]
    if groups is not None and isinstance(presets.get("groups"), int):
        presets = {**presets, "groups": groups}
    asked = dict(map(parse, assignments))
    if any(short in asked for short in SHORT_FORMS):
        presets = {preset: value for preset, value in presets.items() if preset != "groups"}
    given = {**presets, **asked}
    if isinstance(given.get("groups"), str) and issubclass(kind, StrAttack | SigmaZero):
        given["groups"] = _own_groups(given["groups"])
    try:
        attack = assemble(name, kind, given, groups)
        if is_own(name):
            check_recordable(name, attack)
        return attack
    except InputError:
        raise
    except Exception as error:
        if not is_own(name):
            raise
        raise InputError(
            f"expected --attack_parameters of {name}, received: {type(error).__name__}: {error}"
        ) from error


def _own_groups(text: str) -> GroupStructure:
    """The groups of --groups, with colons for the commas, which separate parameters: squares:3:2."""
    name, colon, numbers = text.partition(":")
    return parse_groups(text if name == FILE else name + colon + numbers.replace(":", ",")).for_attack


def list_attacks(name: str) -> str:
    """The text that --list_attacks=`name` prints: the attack's parameters, or for `EVERY` a line per attack."""
    if name != EVERY:
        return describe_attack(name)
    width = max(map(len, ATTACKS))
    lines = [f"{attack:{width}}  {_ABOUT.get(attack) or summary_of(kind)}" for attack, (kind, _) in ATTACKS.items()]
    return "\n".join([*lines, "", "--list_attacks=NAME lists the parameters of an attack."])


def describe_attack(name: str) -> str:
    """The parameters of an attack as --attack_parameters takes them, each with its default and a description.

    Raises:
      InputError: an unknown attack, or one of the user's own that needs parameters.
    """
    attack = make_attack(name, [])
    lines = [f"Parameters of {name} (--attack_parameters=NAME=VALUE,NAME=VALUE):"]
    for parameter, value in flat(attack).items():
        lines.append(f"  {parameter}={value}")
        about = meaning_of(attack, parameter)
        lines += [f"      {about}"] if about else []
    return "\n".join(lines)
