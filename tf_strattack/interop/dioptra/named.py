"""The attack and its groups from values that YAML and JSON can hold: numbers, words, and mappings with a name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from tf_strattack.attacks.refinement import Refinement
from tf_strattack.attacks.strattack import StrAttack
from tf_strattack.errors import InputError
from tf_strattack.problem import groups as makers
from tf_strattack.problem.distortions import DISTORTIONS
from tf_strattack.problem.groups import GroupStructure, SlidingMask
from tf_strattack.solvers import SOLVERS
from tf_strattack.typing import Images

# Groups by name; what follows `images` are the entries of the mapping.
_GROUPS: dict[str, Callable[..., GroupStructure]] = {
    "squares": lambda images, size=2, stride=None: SlidingMask(size, stride),
    "superpixels": lambda images, segments: makers.superpixels(images, segments),
    "rows": lambda images: makers.rows(*images.shape[1:3]),
    "columns": lambda images: makers.columns(*images.shape[1:3]),
    "channels": lambda images, size=None: makers.channels(*images.shape[1:], size=size),
}
# The parts of an attack that have hyper-parameters of their own.
_PARTS: dict[str, Mapping[str, Any]] = {"distortion": DISTORTIONS, "solver": SOLVERS, "fallback": SOLVERS}


def attack_of(parameters: Mapping[str, Any] | None, groups: GroupStructure | int | None) -> StrAttack:
    """The attack with these hyper-parameters.

    Args:
      parameters: by name; a solver, distortion or refinement with hyper-parameters of its own is a mapping, such as
        `{"solver": {"name": "paper", "search_steps": 9}, "refine": {"prune": "groups"}}`.
      groups: those of `groups_of`.

    Raises:
      InputError: an unknown name, or a value that does not fit.
    """
    if parameters is not None and not isinstance(parameters, Mapping):
        raise InputError(f"expected parameters to be a mapping of names to values, received {parameters!r}")
    given = dict(parameters or {})
    if "groups" in given:
        raise InputError("expected groups as an argument of the task, received them in parameters")
    for name in _PARTS.keys() & given.keys():
        given[name] = _part(name, given[name], _PARTS[name])
    if isinstance(given.get("refine"), Mapping):
        inner = dict(given["refine"])
        if "solver" in inner:
            inner["solver"] = _part("refine.solver", inner["solver"], SOLVERS, lambda kind: kind.refining)
        _check_names("refine", inner, [field.name for field in dataclasses.fields(Refinement)])
        given["refine"] = Refinement(**inner)
    return StrAttack(**given) if groups is None else StrAttack(groups=groups, **given)


def groups_of(groups: Any, images: Images) -> GroupStructure | int | None:
    """The groups that a number or a name stands for.

    Args:
      groups: the side of squares, a name, or a mapping with a name and its numbers, such as
        `{"name": "superpixels", "segments": 64}`; None for the attack's own.
      images: (N, H, W, C), those that are attacked.

    Raises:
      InputError: an unknown name, or numbers that do not fit.
    """
    if groups is None or isinstance(groups, int | GroupStructure):
        return groups
    numbers = {"name": groups} if isinstance(groups, str) else dict(groups) if isinstance(groups, Mapping) else {}
    name = numbers.pop("name", None)
    if name not in _GROUPS:
        raise InputError(
            f"expected groups to be a number, a name ({', '.join(_GROUPS)}) or a mapping with a name, such as "
            f'{{"name": "superpixels", "segments": 64}}, received {groups!r}'
        )
    signature = inspect.signature(_GROUPS[name])
    try:
        signature.bind(images, **numbers)
    except TypeError as error:
        known = ", ".join(list(signature.parameters)[1:]) or "no numbers"
        raise InputError(f"expected groups {name} with {known}, received {numbers}: {error}") from None
    return _GROUPS[name](images, **numbers)


def _part(where: str, value: Any, kinds: Mapping[str, Any], make: Callable[[Any], Any] = lambda kind: kind) -> Any:
    """A part of an attack from a mapping; anything else unchanged, such as a name alone."""
    if not isinstance(value, Mapping):
        return value
    numbers = dict(value)
    name = numbers.pop("name", None)
    if name not in kinds:
        raise InputError(f"expected {where} with a name, one of {', '.join(kinds)}, received {name!r}")
    _check_names(f"{where} {name}", numbers, [field.name for field in dataclasses.fields(kinds[name])])
    return make(kinds[name])(**numbers)


def _check_names(where: str, given: Mapping[str, Any], known: list[str]) -> None:
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        raise InputError(f"expected hyper-parameters of {where} ({', '.join(known) or 'none'}), received {unknown}")
