"""The report of the explanation: the finding, curves, scores, and the explained perturbations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure as Drawing

from tf_strattack.programs.command_line import public_name

from ...report.building import drawings, parameters_of, with_examples
from ...report.examples import batches_of
from ...report.page import REPORT, Page, write_page
from ...runs.reading import metrics_in, results_in
from ..comparison.shared_setup import SharedSetup
from .figures import scores_chart
from .tables import finding_of, region_table, summary_of


class Drawn(NamedTuple):
    """The figures of two attacks: maps over some images, and the groups that they change; None for one attack."""

    overlays: Drawing | None
    heat_maps: Drawing | None


def write_explanation_report(
    directory: Path,
    figures: Mapping[str, Any],
    runs: Mapping[str, Path],
    class_names: Mapping[int, str],
    setup: SharedSetup,
    drawn: Drawn,
) -> None:
    """Writes report.html; `figures` as in interpretability.json, `runs` maps attacks to directories."""
    metrics = {name: metrics_in(run) for name, run in runs.items()}
    last = max(metrics.values(), key=lambda one: str(one["finished_at"]))
    recorded = {name: value for name, value in figures.items() if name not in ("regions", "command")}
    page = Page(
        title=f"Interpretability of {', '.join(runs)} on {public_name(figures['model'])}, "
        f"{public_name(figures['dataset'])}",
        command=figures["command"],
        facts={**recorded, "versions": last["versions"], "finished_at": last["finished_at"]},
        finding=finding_of(figures),
        summary=summary_of(figures),
        parameters=parameters_of(figures, {name: one["attack_parameters"] for name, one in metrics.items()}),
        opening=[scores_chart(figures)],
        tables=[region_table(region, figures) for region in figures["regions"]],
        charts=drawings(
            ("Saliency and class activation", "Maps and two attacks' perturbations on some images.", drawn.overlays),
            ("Two attacks side by side", "The groups that two attacks change in some images.", drawn.heat_maps),
        ),
    )
    batches = {name: batches_of(results_in(run), setup.grouping) for name, run in runs.items()}
    totals, networks = dict.fromkeys(runs, figures["num_examples"]), dict.fromkeys(runs, setup.network.classifier)
    write_page(directory / REPORT, with_examples(page, batches, totals, class_names, networks))
