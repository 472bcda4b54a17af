"""The comparison as a report: every row in sortable tables, and the examples of all attacks side by side."""

from __future__ import annotations

from collections.abc import Mapping

from tf_strattack.programs.command_line import public_name

from ...inputs.groups import Grouping
from ...report.building import cases_table, pictures, with_examples
from ...report.examples import batches_of
from ...report.page import REPORT, Page, write_page
from ...runs.reading import results_in
from ...tables.measures import numbered
from ..study import Study
from .tables import tables_of

HEAT_MAPS = "heat_maps.png"
HEAT_MAP_FILES = (HEAT_MAPS, "heat_maps.pdf")


def write_comparison_report(study: Study, class_names: Mapping[int, str], grouping: Grouping) -> None:
    """Writes report.html beside the tables, with the examples of the runs in attacks/."""
    directory, figures, claims = study.directory, study.facts, study.claims()
    rows = [row for row in study.rows() if row["shown"] or row["tau"] is not None]
    by_name = {row["name"]: row for row in rows}
    page = Page(
        title=f"Attacks on {public_name(figures['model'])}, {public_name(figures['dataset'])}",
        command=figures["command"],
        facts={**figures, "commands": {name: row["command"] for name, row in by_name.items()}},
        summary=", ".join(
            numbered(*pair)
            for pair in ((len(rows), "run"), (rows[0]["num_images"], "image"), (rows[0]["num_examples"], "example"))
        )
        + " each",
        tables=[*tables_of(rows, claims), cases_table(by_name)],
        pictures=pictures(
            directory,
            ("table1.png", "How many entries change, and by how much", "The average case as points."),
            (HEAT_MAPS, "Two attacks side by side", "Where each of two attacks changes some images, by groups."),
        ),
    )
    shown = {row["name"]: row["num_examples"] for row in rows if row["shown"]}
    runs = {name: batches_of(results_in(directory / "attacks" / name), grouping) for name in shown}
    write_page(directory / REPORT, with_examples(page, runs, shown, class_names))
