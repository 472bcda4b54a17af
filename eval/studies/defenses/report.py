"""The report of the study: a sortable table of the networks, and the adversarial examples of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...inputs.groups import Grouping
from ...inputs.models import load_model
from ...report.building import cases_table, parameters_of, with_examples
from ...report.examples import batches_of
from ...report.page import REPORT, Figure, Page, write_page
from ...runs.reading import metrics_in, results_in
from ...tables.measures import ROBUST, format_value, known, numbered
from ..study import Study
from .rows import DefenseRow
from .tables import rows_of, tables_of, title


def write_study_report(study: Study, wanted: Sequence[DefenseRow], grouping: Grouping) -> None:
    """Writes report.html with all rows; examples, with the predictions of their networks, of the rows `wanted`."""
    figures, rows = study.facts, rows_of(study)
    by_name = {row["defense"]: row for row in rows}
    runs = {row.name: metrics_in(row.run) for row in wanted}
    last = max(runs.values(), key=lambda one: str(one["finished_at"]))
    commands = {name: row["commands"] for name, row in by_name.items()}
    page = Page(
        title=f"Defences of {figures['dataset']} networks against {figures['attack']}",
        command=figures["command"],
        facts={**figures, "versions": last["versions"], "finished_at": last["finished_at"], "commands": commands},
        summary=" ".join([f"{numbered(len(rows), 'network')}.", *([ROBUST] if known(rows, "robust_accuracy") else [])]),
        figures=[_figure(row) for row in rows],
        even=True,
        parameters=parameters_of(figures, {figures["attack"]: figures["attack_parameters"]}),
        tables=[*tables_of(rows), cases_table(by_name, heading="trained with")],
    )
    batches = {row.name: batches_of(results_in(row.run), grouping) for row in wanted}
    networks = {
        row.name: load_model(str(row.network), tuple(runs[row.name]["bounds"])).classifier
        for row in wanted
        if not runs[row.name].get("transform")  # its predictions are of changed images
    }
    totals = {name: by_name[name]["num_examples"] for name in runs}
    write_page(study.directory / REPORT, with_examples(page, batches, totals, {}, networks))


def _figure(row: dict[str, Any]) -> Figure:
    """The first figures of a network: the success against it, its robust accuracy, and the mean l2."""
    average = row["average"]
    robust = format_value("robust_accuracy", row["robust_accuracy"])
    meaning = f"success; robust accuracy {robust}, average ℓ2 {format_value('l2', average['l2'])}"
    temperature = row["temperature"]
    name = f"trained with {title(row['defense'])}" if temperature is None else f"distilled at T = {temperature:g}"
    return Figure(name, format_value("asr", average["asr"]), meaning)
