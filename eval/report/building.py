"""Reports as programs write them: of one run, or of several beside each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tf_strattack.programs.command_line import public_name

from ..tables.measures import CASES, cases_of, cell_of, explain_accuracies, format_value, numbered
from ..tables.table import Cell, Table, plain
from .charts import charts_of
from .examples import Batch, collect
from .gallery import gallery_of
from .images import BUDGET
from .matrix import NAMES, matrix_of
from .page import REPORT, Figure, Page, Picture, write_page

_MEASURES = ("asr", "l0", "l1", "l2", "linf", "nonzero_groups", "acp", "anc", "d20")
_NAMES = {**NAMES, "asr": "ASR", "acp": "ACP", "anc": "ANC"}
_CASES_NOTE = "Best, average (one target of each image at random) and worst case over the targets. "
_NOTE = "Distances are means over the successes, of perturbations of pixels in [0, 1]."


def with_examples(
    page: Page,
    runs: Mapping[str, Iterable[Batch]],
    totals: Mapping[str, int],
    class_names: Mapping[int, str],
) -> Page:
    """Adds the matrix, charts and gallery of examples to a page; arguments as of `collect`."""
    examples = collect(runs, totals)
    room = max(BUDGET - sum(len(picture.address) for picture in page.pictures), BUDGET // 10)
    return dataclasses.replace(
        page,
        matrix=matrix_of(examples, class_names),
        charts=[*page.charts, *charts_of(examples)],
        gallery=gallery_of(examples, class_names, room),
    )


def write_run_report(
    directory: Path,
    metrics: Mapping[str, Any],
    batches: Iterable[Batch],
    class_names: Mapping[int, str],
    summary: str,
) -> None:
    """Writes report.html of one run into its directory; `metrics` as in metrics.json."""
    page = Page(
        title=f"{metrics['attack']} on {public_name(metrics['model'])}, {public_name(metrics['dataset'])}",
        command=metrics["command"],
        facts={name: value for name, value in metrics.items() if name not in (*CASES, "all", "command", "notes")},
        summary=summary,
        notes=metrics.get("notes", []),
        figures=_headline(metrics),
        tables=[cases_table({metrics["attack"]: metrics})],
    )
    attack = str(metrics["attack"])
    page = with_examples(page, {attack: batches}, {attack: metrics["num_examples"]}, class_names)
    write_page(directory / REPORT, page)


def _headline(metrics: Mapping[str, Any]) -> list[Figure]:
    clean, robust = (Figure(name.capitalize(), *rest) for name, *rest in explain_accuracies(metrics))
    over = metrics["all"]
    meaning = f"{over['num_successes']} of {numbered(over['num_examples'], 'example')} successful"
    return [clean, Figure("Attack success rate", format_value("asr", over["asr"]), meaning), robust]


def cases_table(blocks_by_run: Mapping[str, Mapping[str, Any]], *, heading: str = "attack") -> Table:
    """The blocks of metrics.json of one or several runs, a row for each case."""
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
    return Table("Success and distances", columns, rows, _CASES_NOTE * several_cases + _NOTE)


def pictures(directory: Path, *described: tuple[str, str, str]) -> list[Picture]:
    """The PNG files that are there, from (file name, title, what it shows)."""
    return [Picture(title, alt, directory / name) for name, title, alt in described if (directory / name).exists()]
