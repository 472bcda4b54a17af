"""eval.table1: runs of several attacks, their tables, and the claims beside them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tf_strattack import AttackResult, Classifier

from ... import flags
from ...figures.examples import draw_heat_maps
from ...inputs.attacks import make_attack
from ...runs.reading import results_in
from ..steps import run_steps
from .choice import choose
from .claims import refinement, sparse_success, thresholded
from .names import BASELINE, OURS
from .opening import open_comparison
from .report import HEAT_MAPS, write_comparison_report
from .rows import Comparison, Row, check_attacks
from .tables import read_row, remembered, remembered_rows, write_tables

# The attacks to whose results the refinement is applied, if they are in the table.
_REFINED = (BASELINE, "fgm_l2", "ifgm_l2")


def compare(attacks: Sequence[str], taus: Sequence[str], *, claims: bool) -> None:
    """Attacks with each of `attacks`, and writes the tables, the front at `taus` and the claims beside them.

    Raises:
      InputError: an attack that is unknown, or a flag that does not fit.
    """
    names = check_attacks("attacks", attacks)
    front = flags.positive_numbers("taus", taus, float)
    opened = open_comparison("eval.table1")
    comparison, network, figures = opened
    directory = comparison.directory
    finished: list[dict[str, Any]] = []
    text = ""
    wanted = _rows(comparison, names, front, claims)
    opened.announce(wanted)
    for row in wanted:
        run_steps(row.name, [row.step])
        finished.append(read_row(row))
        text = write_tables(directory, figures, finished, {})
    for name, measure in _claims(comparison, names).items() if claims else ():
        if name not in remembered(directory):
            print(f"\nclaim: {name}", flush=True)
            text = write_tables(directory, figures, finished, {name: measure(network.classifier)})
    rows = [row for row in remembered_rows(directory) if row["shown"] or row["tau"] is not None]
    class_names = opened.class_names()
    if {BASELINE, OURS} <= set(names):
        shown = choose(map(comparison.row, (BASELINE, OURS)), seed=flags.SEED.value)
        draw_heat_maps(directory / HEAT_MAPS, shown, class_names, group_size=flags.GROUP_SIZE.value)
    write_comparison_report(directory, figures, rows, remembered(directory), class_names)
    print(f"\n{text}\nwritten to {directory}")


def _rows(comparison: Comparison, names: list[str], taus: list[float], claims: bool) -> list[Row]:
    rows = list(map(comparison.row, names))
    if OURS in names:
        # At its own tau it is a row already.
        default = make_attack(OURS, comparison.parameters.get(OURS, [])).hyper_parameters["tau"]
        rows += [comparison.at_tau(tau) for tau in taus if tau != default]
        rows += [comparison.unrefined()] if claims else []
    return rows


def _claims(comparison: Comparison, names: list[str]) -> dict[str, Callable[[Classifier], dict[str, Any]]]:
    """How each claim that the rows allow is measured."""

    def results(name: str) -> Iterator[AttackResult]:
        return results_in(comparison.row(name).run)

    claims: dict[str, Callable[[Classifier], dict[str, Any]]] = {}
    if {BASELINE, OURS} <= set(names):
        claims["thresholded"] = lambda classifier: thresholded(results(BASELINE), results(OURS), classifier)
    if OURS in names:
        unrefined = comparison.unrefined().run
        claims["sparse_success"] = lambda classifier: sparse_success(results_in(unrefined), classifier)
    for name in filter(names.__contains__, _REFINED):
        claims[f"refined_{name}"] = functools.partial(_refinement, comparison.row(name))
    return claims


def _refinement(row: Row, classifier: Classifier) -> dict[str, Any]:
    return refinement(results_in(row.run), classifier)
