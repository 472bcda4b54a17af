"""The explanation as a report: scores, figures, and the perturbations that were explained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tf_strattack.programs.command_line import public_name

from ...inputs.groups import Grouping
from ...report.building import pictures, with_examples
from ...report.examples import batches_of
from ...report.page import REPORT, Page, write_page
from ...runs.reading import results_in
from .tables import region_table, summary_of


def write_explanation_report(
    directory: Path,
    figures: Mapping[str, Any],
    runs: Mapping[str, Path],
    class_names: Mapping[int, str],
    grouping: Grouping,
) -> None:
    """Writes report.html; `figures` as in interpretability.json, `runs` the directories by attack."""
    attacks = list(runs)
    page = Page(
        title=f"Interpretability of {', '.join(attacks)} on {public_name(figures['model'])}, "
        f"{public_name(figures['dataset'])}",
        command=figures["command"],
        facts={name: value for name, value in figures.items() if name not in ("regions", "command")},
        summary=summary_of(figures),
        tables=[region_table(region, figures) for region in figures["regions"]],
        pictures=pictures(
            directory,
            ("scores.png", "Scores by percentile", "The tables above as curves, one for each attack."),
            (
                "overlays.png",
                "Saliency and class activation",
                "Maps over some images, and two attacks' perturbations.",
            ),
            ("heat_maps.png", "Two attacks side by side", "Where each of two attacks changes some images, by groups."),
        ),
    )
    batches = {name: batches_of(results_in(run), grouping) for name, run in runs.items()}
    totals = dict.fromkeys(runs, figures["num_examples"])
    write_page(directory / REPORT, with_examples(page, batches, totals, class_names))
