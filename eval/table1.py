"""Compares attacks as the paper's Table 1 does: `python -m eval.table1 --dataset=mnist --data_dir=DIR`.

Each attack is a run of eval.attack under --output_dir/attacks. Writes table1.md, .csv, .json and .png with the paper's
row beneath ours, the front over tau and the claims beside the table; heat_maps.png and .pdf (Fig. 2); and report.html.
A run that is finished is not done again, one that was stopped goes on, and attacks can be added later. If no model is
named, it is the shipped one of the data set.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from absl import flags as absl_flags

from eval import flags
from eval.comparison.choice import choose
from eval.comparison.claims import refinement, sparse_success, thresholded
from eval.comparison.opening import open_comparison
from eval.comparison.report import HEAT_MAPS, write_comparison_report
from eval.comparison.rows import BASELINE, DEFAULT, OURS, Comparison, Row, check_attacks
from eval.comparison.tables import read_row, remembered, remembered_rows, write_tables
from eval.figures import draw_heat_maps
from eval.inputs.attacks import describe_attacks, make_attack
from eval.program import run
from eval.runs import results_in
from eval.steps import run_steps
from tf_strattack import AttackResult, Classifier

absl_flags.set_default(flags.NUM_IMAGES, 100)
_ATTACKS = absl_flags.DEFINE_list(
    "attacks", list(DEFAULT), "The rows of the table; --list_attacks prints all there are."
)
_TAUS = absl_flags.DEFINE_list("taus", ["0.25", "1", "2", "4"], "Of the front: StrAttack at these and at its default.")
_CLAIMS = absl_flags.DEFINE_bool(
    "claims", True, "Whether the claims beside the table are measured, where rows allow it."
)
# The attacks to whose results the refinement is applied, if they are in the table.
_REFINED = (BASELINE, "fgm_l2", "ifgm_l2")


def main() -> None:
    """Wires flags, rows, claims and tables together."""
    if flags.LIST_ATTACKS.value:
        print(describe_attacks())
        return
    names = check_attacks(_ATTACKS.name, _ATTACKS.value)
    taus = flags.positive_numbers(_TAUS.name, _TAUS.value, float)
    opened = open_comparison("eval.table1")
    comparison, network, figures = opened
    directory = comparison.directory
    finished: list[dict[str, Any]] = []
    text = ""
    for row in _rows(comparison, names, taus):
        run_steps(row.name, [row.step])
        finished.append(read_row(row))
        text = write_tables(directory, figures, finished, {})
    for name, measure in _claims(comparison, names).items() if _CLAIMS.value else ():
        if name not in remembered(directory):
            print(f"\nclaim: {name}", flush=True)
            text = write_tables(directory, figures, finished, {name: measure(network.classifier)})
    rows = [row for row in remembered_rows(directory) if row["shown"] or row["tau"] is not None]
    class_names = opened.class_names()
    if {BASELINE, OURS} <= set(names):
        shown = choose(map(comparison.row, (BASELINE, OURS)), seed=flags.SEED.value)
        draw_heat_maps(directory / HEAT_MAPS, shown, class_names, group_size=flags.GROUP_SIZE.value)
    write_comparison_report(directory, figures, rows, class_names)
    print(f"\n{text}\nwritten to {directory}")


def _rows(comparison: Comparison, names: list[str], taus: list[float]) -> list[Row]:
    rows = list(map(comparison.row, names))
    if OURS in names:
        # At its own tau it is a row already.
        default = make_attack(OURS, comparison.parameters.get(OURS, [])).hyper_parameters["tau"]
        rows += [comparison.at_tau(tau) for tau in taus if tau != default]
        rows += [comparison.unrefined()] if _CLAIMS.value else []
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


if __name__ == "__main__":
    run(main)
