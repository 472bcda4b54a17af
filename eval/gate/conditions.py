"""`--fail_if`: conditions on the figures of a run, such as "asr > 0.5 at groups <= 5"."""

from __future__ import annotations

import itertools
import math
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tf_strattack import InputError
from tf_strattack.programs.numbers import number
from tf_strattack.programs.streams import printable

from ..inputs.attack_parameters import did_you_mean
from ..runs.records import Measures, summarise
from ..runs.setting import Setting
from ..runs.store import Store
from ..tables.measures import CASES

# The exit status if a condition holds.
FAILED = 3
_COMPARISONS: dict[str, Callable[[Any, float], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_ALL = "all"
# What users write → the name in a run's records.
_DISTANCES = {name: name for name in ("l0", "l1", "l2", "linf", "acp", "anc", "d20", "nonzero_groups")}
_DISTANCES |= {"groups": "nonzero_groups"}
# Measured on float32 images: an image at a distance of 0.2 may have 0.20000001.
_ROUNDED, _ROUNDING = ("l1", "l2", "linf"), 1e-6
_OF_EXAMPLES = {
    **_DISTANCES,
    "gradient_evaluations": "gradient",
    "forward_evaluations": "forward",
    "seconds": "seconds",
}
_OF_BLOCKS = {"asr": "asr", "num_successes": "num_successes", "num_examples": "num_examples", **_DISTANCES}
_OF_RUNS = (
    *("clean_accuracy", "robust_accuracy", "num_images", "skipped_misclassified"),
    *("gradient_evaluations_per_example", "forward_evaluations_per_example", "seconds_per_example"),
)
_COMPARED = re.compile(rf"\s*([\w.]+)\s*({'|'.join(_COMPARISONS)})\s*(\S+)\s*")
_ACCURACIES = ("clean_accuracy", "robust_accuracy")
# The ends of what measures can be, where these are not 0 and infinity: a success changes an entry at least, and with
# it a group, unless maps of one's own leave pixels out.
_AT_MOST_1 = ("asr", *_ACCURACIES, "linf")
_GROUPS = ("nonzero_groups", "groups")
_AT_LEAST_1 = ("l0", "acp", "anc", "d20", *_GROUPS)
# What the limits after at change: they say which examples are successes.
_OF_SUCCESSES = ("asr", "num_successes", "robust_accuracy", *_DISTANCES)
# Whole numbers: of a run, and of a single example.
_COUNTS = ("num_successes", "num_examples", "num_images", "skipped_misclassified")
_COUNTS_OF_EXAMPLES = (*_AT_LEAST_1, "gradient_evaluations", "forward_evaluations")
# What users write between two of them, other than what is read.
_JOINED = re.compile(r",|;|\b(?:and|or)\b|&|\|")
_CONDITIONS = "several conditions have ; between them, and one that holds is enough"
_LIMITS = "limits after at have and between them, and all of them hold of an example"
_FORM = 'expected --fail_if="MEASURE > NUMBER", or "MEASURE > NUMBER at MEASURE <= NUMBER and ..."'


class Comparison(NamedTuple):
    """A measure, of at least `least`, compared with a number."""

    measure: str
    sign: str
    limit: float
    least: float = 0.0

    def holds(self, values: Any) -> Any:
        """Whether it holds of a value, or of each of an array; distances that differ by rounding alone are equal."""
        if self.measure.rpartition(".")[2] in _ROUNDED:
            values = np.where(np.abs(values - self.limit) <= _ROUNDING * (1 + abs(self.limit)), self.limit, values)
        return _COMPARISONS[self.sign](values, self.limit)

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest value of the measure."""
        return self.least, 1.0 if self.measure.rpartition(".")[2] in _AT_MOST_1 else math.inf


class Condition(NamedTuple):
    """A condition of --fail_if.

    Attributes:
      text: as it was given.
      figure: the figure of the run that is compared.
      limits: an example counts as a success only within all of these.
    """

    text: str
    figure: Comparison
    limits: tuple[Comparison, ...]


def can_hold(comparisons: Sequence[Comparison], whole: Collection[str]) -> bool:
    """Whether all comparisons of a measure hold of any one value that it can have; those of `whole` are counts."""
    least, most = comparisons[0].ends
    limits = [min(max(one.limit, least), most) for one in comparisons]
    points = sorted({least, *limits, min(most, 2.0 * max(limits) + 1.0)})
    between = [(low + high) / 2.0 for low, high in itertools.pairwise(points)]
    if comparisons[0].measure.rpartition(".")[2] in whole:
        points, between = [float(end(point)) for point in points for end in (math.floor, math.ceil)], []
        points += [point + step for point in points for step in (-1.0, 1.0)]
    tried = [point for point in (*points, *between) if least <= point <= most]
    return any(all(one.holds(point) for one in comparisons) for point in tried)


def parse_conditions(texts: Iterable[str], *, own_labels: bool = False, own_groups: bool = False) -> list[Condition]:
    """Parses the values of --fail_if.

    Args:
      texts: the values.
      own_labels: whether the network's predictions are the labels, so that there is no accuracy.
      own_groups: whether groups are maps of the user's own, which may leave pixels out.

    Raises:
      InputError: another form, or an unknown measure.
    """
    values = list(texts)
    for value in values:
        if not value.replace(";", "").strip():
            raise InputError(f"{_FORM}, received {value!r}, with no condition")
    texts = [text.strip() for value in values for text in value.split(";") if text.strip()]
    conditions = [_parsed(text, 0.0 if own_groups else 1.0) for text in texts]
    for condition in conditions:
        if own_labels and condition.figure.measure in _ACCURACIES:
            raise InputError(
                f"{_FORM} on another measure with --weights=none, received {condition.text!r}: labels are the "
                "network's own predictions, so that there is no accuracy"
            )
    return conditions


def judge(conditions: Iterable[Condition], store: Store, setting: Setting) -> int:
    """Prints a line for each condition on a finished run; returns the exit status: 3 if one holds, else 0."""
    status = 0
    for condition in conditions:
        figures = _figures(condition, store, setting)
        case, _, name = condition.figure.measure.rpartition(".")
        block: Mapping[str, Any] = figures[case or _ALL] if name in _OF_BLOCKS else figures
        value = block[_OF_BLOCKS.get(name, name)]
        held = value is not None and bool(condition.figure.holds(value))
        status = FAILED if held else status
        shown = "has no value, without a success" if value is None else f"is {value:.6g}"
        over = f" ({block['num_successes']} of {block['num_examples']} examples)" if name in _OF_BLOCKS else ""
        limits = " there" if condition.limits else ""
        print(printable(f"{'failed' if held else 'passed'}: {condition.text}: {name} {shown}{limits}{over}"))
    return status


def _figures(condition: Condition, store: Store, setting: Setting) -> dict[str, Any]:
    """The figures of metrics.json if only examples within the limits of the condition count as successes."""
    parts = []
    for part in store.measures():
        within = np.ones(len(part["success"]), bool)
        for limit in condition.limits:
            within &= limit.holds(part[_OF_EXAMPLES[limit.measure]])
        chosen: Measures = {name: part[name] for name in (*_OF_EXAMPLES.values(), "image")}
        parts.append({**chosen, "success": part["success"] & within})
    seed, skipped = store.configuration["seed"], store.plan.skipped
    return summarise(parts, seed=seed, skipped=skipped, own_labels=setting.own_labels)


def _parsed(text: str, least_groups: float) -> Condition:
    figure, at, limits = (part.strip() for part in re.sub(r"\s+", " ", text).partition(" at "))
    pieces = re.split(r"\s*,\s*|\s+and\s+", limits) if at else []
    known = [*_OF_BLOCKS, *_OF_RUNS]
    cases = [f"{case}.{name}" for case in (*CASES, _ALL) for name in _OF_BLOCKS]
    listed = f"{', '.join(known)} (best.asr, average.asr, worst.asr, ...)"
    after = f"{', '.join(_OF_EXAMPLES)} after at"
    compared = _compared(figure, text, [*known, *cases], listed, _CONDITIONS, _COUNTS, least_groups)
    within = [
        _compared(piece, text, [*_OF_EXAMPLES], after, _LIMITS, _COUNTS_OF_EXAMPLES, least_groups) for piece in pieces
    ]
    if within and compared.measure.rpartition(".")[2] not in _OF_SUCCESSES:
        raise InputError(
            f"{_FORM} with at after {', '.join(_OF_SUCCESSES)}, received {text!r}: limits choose successes, on which "
            f"{compared.measure} does not depend"
        )
    for measure in _OF_EXAMPLES:
        same = [limit for limit in within if _OF_EXAMPLES[limit.measure] == _OF_EXAMPLES[measure]]
        if same and not can_hold(same, _COUNTS_OF_EXAMPLES):
            raise InputError(
                f"{_FORM} with limits that can hold together, received {limits!r}: no {measure} is within these"
            )
    return Condition(text, compared, tuple(within))


def _compared(
    piece: str, text: str, known: list[str], listed: str, joined: str, whole: Collection[str], least_groups: float
) -> Comparison:
    found = _COMPARED.fullmatch(piece)
    if found is None:
        remedy = f"; {joined}" if _JOINED.search(piece) else ""
        raise InputError(f"{_FORM} with one of {' '.join(_COMPARISONS)}, received {text!r}{remedy}")
    measure, sign, given = found.groups()
    if measure not in known:
        raise InputError(f"{_FORM} with a measure of {listed}, received {measure!r}{did_you_mean(measure, known)}")
    try:
        limit = number(given)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise InputError(f"{_FORM} with a number, received {given!r} in {text!r}")
    name = measure.rpartition(".")[2]
    comparison = Comparison(measure, sign, limit, least_groups if name in _GROUPS else float(name in _AT_LEAST_1))
    if not can_hold([comparison], whole):
        least, most = comparison.ends
        allowed = f"from {least:g} to {most:g}" if math.isfinite(most) else f"of at least {least:g}"
        if measure.rpartition(".")[2] in _ROUNDED and limit < 1.0:
            allowed += f", to which all below {_ROUNDING:g} are rounded"
        if measure.rpartition(".")[2] in whole:
            allowed += " and whole"
        raise InputError(f"{_FORM} that can hold, with {measure} {allowed}, received {piece!r}, which never does")
    return comparison
