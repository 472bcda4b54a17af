"""The rows of the comparison: attacks, their parameters, and their commands."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from tf_strattack import InputError
from tf_strattack.problem.groups import GroupStructure

from ...inputs.attacks import ATTACKS, make_attack
from ..steps import Step
from ..study import Row
from .names import OURS


@dataclasses.dataclass(frozen=True)
class AttackRow(Row):
    """An attack of the comparison, run by a step of its own.

    Attributes:
      attack: a key of `ATTACKS`.
      tau: the value of tau for a row of the front, else None.
      shown: whether the row is in the main table, instead of serving only the front or a claim.
      assigned: the attack's hyper-parameters as given, "name=value".
    """

    attack: str
    tau: float | None
    shown: bool
    assigned: list[str]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The directory of the rows, and the arguments that their commands share.

    Attributes:
      directory: the directory of the comparison.
      shared: arguments of eval.attack for all rows.
      parameters: attack → its hyper-parameters as given, "name=value".
    """

    directory: Path
    shared: tuple[str, ...]
    parameters: dict[str, list[str]]

    def row(self, attack: str) -> AttackRow:
        """The row of an attack in the main table."""
        return self._row(attack, attack, None, True)

    def at_tau(self, tau: float) -> AttackRow:
        """StrAttack at another weight of group sparsity, for the front."""
        text = repr(tau).removesuffix(".0")
        return self._row(f"{OURS}_tau_{text}", OURS, tau, False, f"tau={text}")

    def unrefined(self) -> AttackRow:
        """StrAttack without the refinement, for the claim about its sparse pattern."""
        return self._row(f"{OURS}_unrefined", OURS, None, False, "refine=False")

    def _row(self, name: str, attack: str, tau: float | None, shown: bool, *parameters: str) -> AttackRow:
        run = self.directory / "attacks" / name
        given = [*self.parameters.get(attack, []), *parameters]
        assigned = ",".join(given)
        arguments = (
            f"--attack={attack}",
            *([f"--attack_parameters={assigned}"] if assigned else []),
            *self.shared,
            f"--output_dir={run}",
        )
        return AttackRow(name, run, (Step("eval.attack", arguments),), attack, tau, shown, given)


def check_attacks(flag: str, names: Iterable[str]) -> list[str]:
    """The attacks of the main table, without duplicates.

    Raises:
      InputError: an unknown attack, or no attack.
    """
    chosen = list(dict.fromkeys(names))
    for name in chosen:
        if name not in ATTACKS:
            raise InputError(f"expected --{flag} to be of {', '.join(ATTACKS)}, received {name!r}")
    if not chosen:
        raise InputError(f"expected at least one attack in --{flag}, received none")
    return chosen


def check_parameters(assignments: Iterable[str], groups: GroupStructure) -> dict[str, list[str]]:
    """Sorts assignments "attack.name=value" by attack, and checks them.

    Raises:
      InputError: another form, an unknown attack or parameter, or a value that does not fit.
    """
    by_attack: dict[str, list[str]] = {}
    for assignment in assignments:
        attack, point, parameter = assignment.partition(".")
        if not point or attack not in ATTACKS:
            raise InputError(
                f"expected --attack_parameters=attack.name=value,... with an attack of {', '.join(ATTACKS)}, "
                f"received {assignment!r}"
            )
        by_attack.setdefault(attack, []).append(parameter)
    for attack, parameters in by_attack.items():
        make_attack(attack, parameters, groups)
    return by_attack
