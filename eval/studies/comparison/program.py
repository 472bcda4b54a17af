"""eval.table1: runs of several attacks, their tables, and further claims of the paper."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tf_strattack import Classifier
from tf_strattack.programs.streams import printable

from ... import flags
from ...figures.examples import draw_heat_maps
from ...inputs.attacks import make_attack
from ...report.page import REPORT
from ...runs import flags as engine_flags
from ...runs.reading import results_in
from .choice import choose
from .claims import refinement, sparse_success, thresholded
from .intervals import ratio_intervals
from .names import BASELINE, OURS
from .report import HEAT_MAP_FILES, HEAT_MAPS, write_comparison_report
from .rows import AttackRow, Comparison, check_attacks
from .shared_setup import set_up
from .tables import FILES, RATIO, read_row, write_tables

Measure = Callable[[Classifier], dict[str, Any]]
# The attacks whose results are refined for a claim, if they are in the table.
_REFINED = (BASELINE, "fgm_l2", "ifgm_l2")


def compare(attacks: Sequence[str], taus: Sequence[str], *, claims: bool) -> None:
    """Attacks with each of `attacks`, and writes the tables, the front at `taus` and the claims.

    Raises:
      InputError: an unknown attack, or a flag that does not fit.
    """
    names = check_attacks("attacks", attacks)
    front = flags.positive_numbers("taus", taus, float)
    setup = set_up("eval.table1", names)
    comparison, network = setup.comparison, setup.network
    wanted = _rows(comparison, names, front, claims)
    if engine_flags.VERIFY.value:
        print(setup.verify(wanted))
        return
    study = setup.study()
    setup.announce(study.todo(wanted))
    text = ""
    for _ in study.make(wanted, read_row):
        text = write_tables(study)
    measured = _ratios(comparison, names) | (_claims(comparison, names) if claims else {})
    for name, (rows, measure) in measured.items():
        study.measure(name, rows, functools.partial(measure, network.classifier))
    text = write_tables(study)
    class_names, heat_maps = setup.class_names(), None
    if {BASELINE, OURS} <= set(names):
        shown = choose(map(comparison.row, (BASELINE, OURS)), seed=flags.SEED.value)
        heat_maps = draw_heat_maps(study.directory / HEAT_MAPS, shown, class_names, grouping=setup.grouping)
    write_comparison_report(study, class_names, setup.grouping, network.classifier, heat_maps)
    study.seal([*FILES, *HEAT_MAP_FILES, REPORT])
    print(printable(f"\n{text}\nwritten to {study.directory}"))


def _rows(comparison: Comparison, names: list[str], taus: list[float], claims: bool) -> list[AttackRow]:
    rows = list(map(comparison.row, names))
    if OURS in names:
        # The row of the main table has the default tau.
        default = make_attack(OURS, comparison.parameters.get(OURS, [])).hyper_parameters["tau"]
        rows += [comparison.at_tau(tau) for tau in taus if tau != default]
        rows += [comparison.unrefined()] if claims else []
    return rows


def _ratios(comparison: Comparison, names: list[str]) -> dict[str, tuple[list[AttackRow], Measure]]:
    """The intervals of the ratios to the baseline, if it is in the table: as `_claims`."""
    if BASELINE not in names:
        return {}
    pairs = {name: [comparison.row(name), comparison.row(BASELINE)] for name in names if name != BASELINE}
    return {f"{RATIO}{name}": (rows, functools.partial(_intervals, rows)) for name, rows in pairs.items()}


def _intervals(rows: Sequence[AttackRow], _: Classifier) -> dict[str, Any]:
    return ratio_intervals(*(results_in(row.run) for row in rows), seed=flags.SEED.value)


def _claims(comparison: Comparison, names: list[str]) -> dict[str, tuple[list[AttackRow], Measure]]:
    """The claims that the rows allow: for each, its rows and a function that measures it."""
    claims: dict[str, tuple[list[AttackRow], Measure]] = {}
    if {BASELINE, OURS} <= set(names):
        dense, sparse = comparison.row(BASELINE), comparison.row(OURS)
        claims["thresholded"] = (
            [dense, sparse],
            lambda network: thresholded(results_in(dense.run), results_in(sparse.run), network),
        )
    if OURS in names:
        unrefined = comparison.unrefined()
        claims["sparse_success"] = [unrefined], lambda network: sparse_success(results_in(unrefined.run), network)
    for name in filter(names.__contains__, _REFINED):
        row = comparison.row(name)
        claims[f"refined_{name}"] = [row], functools.partial(_refinement, row)
    return claims


def _refinement(row: AttackRow, classifier: Classifier) -> dict[str, Any]:
    return refinement(results_in(row.run), classifier)
