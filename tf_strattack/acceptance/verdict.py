"""Whether a promise is kept, and why not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

_WORDS = {True: "kept", False: "BROKEN", None: "not applicable"}


class Verdict(NamedTuple):
    """Whether a promise is kept.

    Attributes:
      promise: the name of the promise.
      kept: True or False; None if there is nothing by which to judge it.
      reason: what was seen, in a line.
      details: the figures behind it, plain values.
    """

    promise: str
    kept: bool | None
    reason: str
    details: Mapping[str, Any] = {}

    def __str__(self) -> str:
        """The verdict in a line."""
        return f"{self.promise}: {_WORDS[self.kept]}, {self.reason}"


def failed(promise: str, error: BaseException) -> Verdict:
    """The verdict on a promise at which the attack raised `error`."""
    said = next(iter(str(error).strip().splitlines()), "")
    return Verdict(promise, False, f"{type(error).__name__}: {said}")


@dataclasses.dataclass(frozen=True)
class Report:
    """The verdicts on all promises, in the order in which they were tried.

    Attributes:
      verdicts: a verdict for each promise.
    """

    verdicts: tuple[Verdict, ...]

    @property
    def kept(self) -> bool:
        """Whether no promise is broken."""
        return not self.broken

    @property
    def broken(self) -> tuple[str, ...]:
        """The names of the broken promises."""
        return tuple(verdict.promise for verdict in self.verdicts if verdict.kept is False)

    def __str__(self) -> str:
        """A line for each promise."""
        return "\n".join(map(str, self.verdicts))

    def record(self) -> list[dict[str, Any]]:
        """The verdicts as plain values, which `json.dumps` writes."""
        return [{**verdict._asdict(), "details": dict(verdict.details)} for verdict in self.verdicts]
