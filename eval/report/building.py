"""The reports of programs: of one run, or of several runs next to each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure as Drawing

from tf_strattack import Classifier
from tf_strattack.programs.command_line import public_name

from ..tables.measures import CASES, MEANING, cases_of, cell_of, explain_accuracies, format_value, numbered
from ..tables.table import Cell, Table, plain
from .charts import charts_of
from .examples import Batch, collect
from .failures import failures_of
from .gallery import gallery_of
from .images import BUDGET
from .matrix import NAMES, matrix_of
from .page import REPORT, Chart, Figure, Page, write_page
from .svg import to_svg

_MEASURES = ("asr", "l0", "l1", "l2", "linf", "nonzero_groups", "acp", "anc", "d20")
_NAMES = {**NAMES, "asr": "ASR", "acp": "ACP", "anc": "ANC"}
_CASES_NOTE = "Best, average (a random target per image) and worst case over the targets. "
# The figures that a report of one run shows first, by name in metrics.json.
_DISTANCES = ("l0", "l1", "l2", "linf", "nonzero_groups")
_RUN_PARAMETERS = ("model", "dataset", "split", "bounds", "targets", "groups", "transform", "num_images", "seed")


def with_examples(
    page: Page,
    runs: Mapping[str, Iterable[Batch]],
    totals: Mapping[str, int],
    class_names: Mapping[int, str],
    networks: Mapping[str, Classifier] | None = None,
) -> Page:
    """Adds the matrix, charts, failures and gallery of examples to a page; arguments as in `collect`."""
    examples = collect(runs, totals, networks)
    charts = [*page.opening, *page.charts]
    taken = sum(len(panel) for chart in charts for panel in chart.panels)
    return dataclasses.replace(
        page,
        series=list(runs) if len(runs) > 1 else (),
        matrix=matrix_of(examples, class_names),
        charts=[*page.charts, *charts_of(examples)],
        failures=failures_of(examples, class_names),
        gallery=gallery_of(examples, class_names, max(BUDGET - taken, BUDGET // 10)),
    )


def write_run_report(
    directory: Path,
    metrics: Mapping[str, Any],
    batches: Iterable[Batch],
    class_names: Mapping[int, str],
    summary: str,
    network: Classifier | None = None,
) -> None:
    """Writes report.html of one run to its directory.

    Args:
      directory: the directory of the run.
      metrics: as in metrics.json.
      batches: the examples.
      class_names: known names of classes, by index.
      summary: a line under the title.
      network: the attacked network, for predictions in the examples; not shown if it sees changed images.
    """
    attack = str(metrics["attack"])
    page = Page(
        title=f"{attack} on {public_name(metrics['model'])}, {public_name(metrics['dataset'])}",
        command=metrics["command"],
        facts={name: value for name, value in metrics.items() if name not in (*CASES, "all", "command", "notes")},
        summary=summary,
        notes=metrics.get("notes", []),
        figures=_headline(metrics),
        parameters=parameters_of(metrics, {attack: metrics.get("attack_parameters", {})}),
        tables=[cases_table({attack: metrics})],
    )
    networks = {} if network is None or metrics.get("transform") else {attack: network}
    page = with_examples(page, {attack: batches}, {attack: metrics["num_examples"]}, class_names, networks)
    write_page(directory / REPORT, page)


def parameters_of(facts: Mapping[str, Any], by_attack: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The parameters of a run, from its recorded facts, and of each attack."""
    run = {
        name.replace("_", " "): public_name(facts[name]) if name in ("model", "dataset") else facts[name]
        for name in _RUN_PARAMETERS
        if facts.get(name) is not None
    }
    return {"Run": run, **{attack: dict(values) for attack, values in by_attack.items() if values}}


def _headline(metrics: Mapping[str, Any]) -> list[Figure]:
    clean, robust = (Figure(name, *rest) for name, *rest in explain_accuracies(metrics))
    over = metrics["all"]
    meaning = f"{over['num_successes']} of {numbered(over['num_examples'], 'example')} successful"
    distances = [Figure(_NAMES[name], format_value(name, over[name]), _MEANINGS[name]) for name in _DISTANCES]
    gradients = metrics.get("gradient_evaluations_per_example")
    cost = [] if gradients is None else [Figure("gradients", f"{gradients:.0f}", "evaluations per example")]
    rate = Figure("attack success rate", format_value("asr", over["asr"]), meaning)
    return [rate, clean, robust, *distances, *cost]


_MEANINGS = {
    "l0": "entries changed, mean",
    "l1": "sum of the changes, mean",
    "l2": "Euclidean norm, mean",
    "linf": "largest change, mean",
    "nonzero_groups": "changed, mean",
}


def cases_table(blocks_by_run: Mapping[str, Mapping[str, Any]], *, heading: str = "attack") -> Table:
    """The blocks of metrics.json of one or more runs, a row per case."""
    several = len(blocks_by_run) > 1
    rows = []
    for name, blocks in blocks_by_run.items():
        for order, case in enumerate(cases_of(blocks)):
            block = blocks[case]
            cells = [cell_of(m, block[m]) for m in _MEASURES]
            over = Cell(f"{block['num_successes']} of {block['num_examples']}", block["num_successes"])
            rows.append([*([plain(name)] if several else []), Cell(case, order), *cells, over])
    columns = [*([heading] if several else []), "case", *(_NAMES.get(m, m) for m in _MEASURES), "over"]
    several_cases = any(cases_of(blocks) != ("all",) for blocks in blocks_by_run.values())
    return Table("Success and distances", columns, rows, _CASES_NOTE * several_cases + MEANING)


def drawings(*described: tuple[str, str, Drawing | None]) -> list[Chart]:
    """Charts from figures with pictures, each given as (title, description, figure); figures None are left out."""
    return [
        Chart(title, alt, [to_svg(figure, f"p{number}", pictures=True)], large=True)
        for number, (title, alt, figure) in enumerate(described)
        if figure is not None
    ]
