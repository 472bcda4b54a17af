"""`--attack_parameters`: the hyper-parameters of an attack and of its parts, as one flat list of names.

A name is looked up in the attack, then in its distortion, its solver and its refinement. `refine.NAME` is a parameter
of the refinement's solver, `fallback.NAME` one of the fallback.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from tf_strattack import Attack, InputError, Refinement, StrAttack
from tf_strattack.attacks.hyper_parameters import names_of
from tf_strattack.problem.distortions import DISTORTIONS
from tf_strattack.problem.groups import GroupStructure, SlidingMask
from tf_strattack.programs.numbers import fraction
from tf_strattack.solvers import SOLVERS, as_solver

Flat = dict[str, Any]
# The refinement's own parameters; it takes all others from the attack.
_OF_REFINEMENT = ("sigma_quantile", "prune")
SHORT_FORMS = ("group_size", "stride", "border")
_KINDS: dict[str, Mapping[str, Any]] = {"distortion": DISTORTIONS, "solver": SOLVERS}
_MOVED = {"refine_iterations": "refine.max_iterations"}
_WORDS = {"none": None, "true": True, "false": False}


def parse(assignment: str) -> tuple[str, Any]:
    """The name and the value of an assignment like "tau=2".

    Raises:
      InputError: the text has another form.
    """
    name, separator, text = assignment.partition("=")
    if not separator:
        raise InputError(f"expected --attack_parameters=name=value,..., received {assignment!r}")
    if text.lower() in _WORDS:
        return name, _WORDS[text.lower()]
    if (number := fraction(text)) is not None:
        return name, number
    try:
        return name, ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return name, text


def did_you_mean(unknown: str, names: Iterable[str]) -> str:
    """The end of a message: the most similar of the known names, if one is similar."""
    close = difflib.get_close_matches(unknown.lower(), names, n=1)
    return f": did you mean {close[0]}?" if close else ""


def assemble(name: str, kind: type[Attack], given: Mapping[str, Any], groups: GroupStructure | None) -> Attack:
    """Makes an attack from flat hyper-parameters.

    Args:
      name: the name of the attack in programs, for messages.
      kind: the class of the attack.
      given: the parameters from the caller and from presets.
      groups: the default groups of an attack with groups; None for the attack's own default.

    Raises:
      InputError: an unknown name, a name without a meaning next to the others, or a value that does not fit.
    """
    if kind is not StrAttack:
        return kind(**_known(name, given, names_of(kind)))
    ungrouped = given.get("tau", StrAttack.tau) == 0 and given.get("max_groups") is None
    if groups is not None and not ungrouped and "groups" not in given:
        given = {**_default(groups, given), **given}
    return _structured(name, dict(given))


def flat(attack: Attack) -> Flat:
    """The resolved hyper-parameters of an attack, in the form that `assemble` takes."""
    if not isinstance(attack, StrAttack):
        return {name: _in_short_form(getattr(attack, name)) for name in names_of(type(attack))}
    fallback, refinement = attack.fallback_solver, attack.refinement
    parts: dict[str, Flat] = {
        "groups": _groups(attack.groups),
        "distortion": _part("distortion", attack.distortion, DISTORTIONS),
        "solver": _part("solver", attack.solver, SOLVERS),
        "fallback": {"fallback": False} if fallback is None else _part("fallback", fallback, SOLVERS, "fallback."),
        "refine": {"refine": refinement is not None},
    }
    if refinement is not None:
        solver = _part("refine.solver", refinement.solver, SOLVERS, "refine.")
        parts["refine"] |= {"sigma_quantile": refinement.quantile, "prune": refinement.prune, **solver}
    own: Flat = {}
    resolved = attack.hyper_parameters
    for name in names_of(StrAttack):
        if name not in SHORT_FORMS:
            own |= parts.get(name) or {name: resolved[name]}
    return own


def _default(groups: GroupStructure, given: Mapping[str, Any]) -> Flat:
    """The default `groups` as parameters, except those that a given side or stride of squares replaces."""
    gives_squares = any(name in given for name in SHORT_FORMS)
    if not isinstance(groups, SlidingMask):
        return {} if gives_squares else {"groups": groups}
    side = {"group_size": groups.size}
    return {**side, "stride": groups.stride} if groups.overlapping and "group_size" not in given else side


def _in_short_form(value: Any) -> Any:
    """The side of disjoint squares, which stands for them; any other value unchanged."""
    return value.size if isinstance(value, SlidingMask) and value == SlidingMask(value.size) else value


def _groups(groups: Any) -> Flat:
    if not isinstance(groups, SlidingMask):
        return {"groups": groups}
    return dict(zip(SHORT_FORMS, dataclasses.astuple(groups), strict=True))


def _structured(name: str, given: Flat) -> StrAttack:
    """Sorts the hyper-parameters of StrAttack into its parts."""
    of_refinement = {n.removeprefix("refine."): given.pop(n) for n in list(given) if n.startswith("refine.")}
    of_fallback = {n.removeprefix("fallback."): given.pop(n) for n in list(given) if n.startswith("fallback.")}
    distortion, solver = (
        given.get(part, default) for part, default in (("distortion", "l2"), ("solver", "prox_linear"))
    )
    own = names_of(StrAttack)
    of_distortion = {n: given.pop(n) for n in list(given) if n not in own and n in _fields(DISTORTIONS, distortion)}
    of_solver = {n: given.pop(n) for n in list(given) if n not in own and n in _fields(SOLVERS, solver)}
    of_refinement |= {n: given.pop(n) for n in list(given) if n in _OF_REFINEMENT}
    _known(name, given, _all_names(distortion, solver), chosen={"distortion": distortion, "solver": solver})
    if of_distortion:
        given["distortion"] = DISTORTIONS[distortion](**of_distortion)
    if of_solver:
        given["solver"] = SOLVERS[solver](**of_solver)
    if of_fallback:
        given["fallback"] = _fallback(given.get("fallback", True), solver, of_fallback)
    if of_refinement:
        if given.get("refine", True) is False:
            raise InputError(f"expected {next(iter(of_refinement))} with refine=true, received it with refine=false")
        given["refine"] = _refinement(of_refinement.pop("solver", solver), of_refinement)
    return StrAttack(**given)


def _fallback(fallback: Any, solver: Any, given: Flat) -> Any:
    chosen = "admm" if fallback is True and solver == "prox_linear" else fallback
    if chosen in (True, False, None):
        raise InputError(f"expected fallback.{next(iter(given))} with fallback=admm, received it without a fallback")
    as_solver(chosen)  # refuses an unknown name
    known = _known(f"fallback={chosen}", given, _fields(SOLVERS, chosen), "fallback.")
    return _make_part("fallback.", known, SOLVERS[chosen])


def _refinement(solver: Any, given: Flat) -> Refinement:
    of_solver = {n: v for n, v in given.items() if n not in _OF_REFINEMENT}
    own = {n: v for n, v in given.items() if n in _OF_REFINEMENT}
    as_solver(solver, refining=True)
    names = [*_fields(SOLVERS, solver), "solver", *_OF_REFINEMENT]
    _known(f"a refinement by {solver}", of_solver, names, "refine.", {"solver": solver})
    return Refinement(**own, solver=_make_part("refine.", of_solver, SOLVERS[solver].refining))


def _make_part(prefix: str, given: Flat, make: Callable[..., Any]) -> Any:
    """Calls `make` with the parameters; in messages about a parameter its name gets the `prefix`."""
    try:
        return make(**given)
    except InputError as error:
        found = re.match(r"expected (\w+)", str(error))
        named = found is not None and found[1] in given
        raise InputError(str(error).replace("expected ", f"expected {prefix}", 1) if named else str(error)) from error


def _known(
    name: str,
    given: Mapping[str, Any],
    names: list[str],
    prefix: str = "",
    chosen: Mapping[str, Any] = MappingProxyType({}),
) -> Flat:
    """Returns `given` if `names` has all of it; else raises the message that says to which part the name belongs."""
    for unknown in (n for n in given if n not in names):
        for part, kinds in _KINDS.items():
            having = [kind for kind in kinds if unknown in _fields(kinds, kind)]
            if having and part in chosen:
                expected = f"{prefix}{unknown} with {prefix}{part}={' or '.join(having)}"
                raise InputError(f"expected {expected}, received it with {prefix}{part}={chosen[part]}")
        if unknown in _MOVED and chosen:
            raise InputError(f"expected {_MOVED[unknown]}, received {unknown}")
        listed = ", ".join(f"{prefix}{n}" for n in names)
        meant = did_you_mean(unknown, names)
        raise InputError(f"expected a parameter of {name} ({listed}), received {prefix + unknown!r}{meant}")
    return dict(given)


def _all_names(distortion: Any, solver: Any) -> list[str]:
    parts = [*_fields(DISTORTIONS, distortion), *_fields(SOLVERS, solver)]
    return [*names_of(StrAttack), *parts, *_OF_REFINEMENT]


def _part(name: str, value: Any, kinds: Mapping[str, type], prefix: str = "") -> Flat:
    """The name and the hyper-parameters of a part of an attack."""
    called = next((called for called, kind in kinds.items() if type(value) is kind), value)
    return {name: called, **{prefix + field.name: getattr(value, field.name) for field in dataclasses.fields(value)}}


def _fields(kinds: Mapping[str, Any], called: Any) -> list[str]:
    """The hyper-parameters of the part with this name; empty for an unknown name, which is refused later."""
    kind = kinds.get(called) if isinstance(called, str) else None
    return [] if kind is None else [field.name for field in dataclasses.fields(kind)]
