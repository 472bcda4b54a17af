"""One-sentence descriptions of hyper-parameters, from the docstrings of their classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tf_strattack import Attack, Refinement, StrAttack

_SENTENCE = re.compile(r"(.+?[.;])(\s|$)")


def meaning_of(attack: Attack, name: str) -> str | None:
    """The first sentence about a hyper-parameter, by its name on the command line; None if there is none."""
    prefix, _, own = name.rpartition(".")
    for kind in _homes(attack, prefix, own):
        text = _items(kind).get(own)
        if text:
            sentence = _SENTENCE.match(text)
            return (sentence[1].rstrip(";.") if sentence else text) + "."
    return None


def _homes(attack: Attack, prefix: str, own: str) -> Iterator[type]:
    """The classes that may have a hyper-parameter, the most likely first."""
    if isinstance(attack, StrAttack):
        if prefix == "refine" and attack.refinement is not None:
            yield from (Refinement,) if own == "solver" else type(attack.refinement.solver).__mro__
            return
        if prefix == "fallback" and attack.fallback_solver is not None:
            yield from type(attack.fallback_solver).__mro__
            return
        yield from type(attack).__mro__
        yield from type(attack.distortion).__mro__
        yield from type(attack.solver).__mro__
        yield Refinement
    yield from type(attack).__mro__


def _items(kind: type) -> dict[str, str]:
    """The descriptions of attributes in the docstring of a class, by name."""
    _, _, section = (kind.__doc__ or "").partition("Attributes:\n")
    section = re.split(r"\n\s*\n", section)[0]
    found: dict[str, str] = {}
    for item in re.findall(r"^ {6}(\w[\w, ]*): (.+(?:\n {8}.+)*)", section, re.MULTILINE):
        names, text = item
        found |= {name.strip(): " ".join(text.split()) for name in names.split(",")}
    return found


def summary_of(kind: Any) -> str:
    """The first line of a docstring."""
    return (kind.__doc__ or "").splitlines()[0]
