"""The groups of an attack, from the arguments of its caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tf_strattack.errors import InputError
from tf_strattack.problem.groups import GroupStructure, SlidingMask, as_structure


def chosen_structure(groups: Any, short: Mapping[str, Any], *, needed: bool) -> GroupStructure | None:
    """The groups that are meant by `groups` or by `short`, the arguments of a `SlidingMask` (None: not given).

    Args:
      groups: an object, a number, or None.
      short: group_size, stride and border.
      needed: whether groups have an effect: there is a penalty or a limit on them.

    Returns:
      The structure, squares of 2 x 2 pixels by default; None if groups have no effect.

    Raises:
      InputError: both ways at once, or one of them although groups have no effect.
    """
    given = {name: value for name, value in short.items() if value is not None}
    if given and groups is not None:
        raise InputError(
            f"expected groups or {', '.join(given)}, received both: groups=SlidingMask(size, stride, border)"
        )
    if not needed:
        if given or groups is not None:
            name = next(iter(given), "groups")
            raise InputError(
                f"expected {name} with tau above 0 or with max_groups, as groups mean nothing without, "
                f"received tau=0: leave {name} out"
            )
        return None
    return as_structure(groups) if groups is not None else SlidingMask(**{"size": 2, **_arguments(given)})


def _arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"size" if name == "group_size" else name: value for name, value in given.items()}
