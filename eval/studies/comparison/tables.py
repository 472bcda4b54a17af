"""The tables of the comparison: JSON, CSV, Markdown and a picture, with the paper's rows below ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tf_strattack.programs.command_line import public_name
from tf_strattack.runtime.files import write_json, write_text

from ...runs.reading import metrics_in
from ...tables.measures import (
    CASES,
    MEASURES,
    PAPER,
    ROBUST,
    SYMBOLS,
    cell_of,
    format_value,
    known,
    numbered,
    paper_cell,
    title_of,
)
from ...tables.table import Cell, Table, cells, plain
from ..paper import RETRAINED, TABLE_1, THRESHOLDED_CW
from ..study import Study
from .figure import draw_comparison
from .intervals import NOTE
from .names import BASELINE, OURS
from .rows import AttackRow

_STEM = "table1"
# The names of the intervals of ratios among the claims begin with this.
RATIO = "ratio_"
FILES = tuple(f"{_STEM}.{kind}" for kind in ("json", "csv", "md", "png"))
_STRUCTURE = ("acp", "anc", "d20", "nonzero_groups")
_COSTS = ("gradient_evaluations_per_example", "forward_evaluations_per_example", "seconds_per_example")
_ACCURACIES = ("clean_accuracy", "robust_accuracy")
_DISTANCES = MEASURES[1:]
# The sample holds digits of the MNIST test set.
_PAPERS_NAME = {"sample": "mnist", "imagenet2012": "imagenet", "imagenet_v2": "imagenet"}
_NOTE = (
    "Means over successful examples, of perturbations in [0, 1] scale. Best, average (a random target per image) and "
    "worst case over the targets. Where ASR is below 100 %, the means of two attacks are over different examples."
)


def read_row(row: AttackRow) -> dict[str, Any]:
    """The figures of a finished row, from its metrics.json."""
    metrics = metrics_in(row.run)
    paper = None
    if row.shown and metrics["targets"] in ("all", "random:9"):
        paper = TABLE_1.get(_PAPERS_NAME.get(metrics["dataset"], metrics["dataset"]), {}).get(row.attack)
    copied = ("attack_parameters", "model_sha256", "num_images", "num_examples", "skipped_misclassified", "command")
    return {
        "name": row.name,
        "attack": row.attack,
        "tau": row.tau,
        "shown": row.shown,
        **{name: metrics[name] for name in (*copied, *_COSTS, *_ACCURACIES, *CASES, "all", "versions", "finished_at")},
        "paper": paper,
    }


def write_tables(study: Study) -> str:
    """Writes table1.json, .csv, .md and .png with the finished rows and claims; returns the Markdown."""
    directory, rows, claims = study.directory, study.rows(), study.claims()
    text = _markdown(study.facts, rows, claims)
    write_json(directory / f"{_STEM}.json", {**study.facts, "rows": rows, "claims": claims})
    write_text(directory / f"{_STEM}.csv", _csv(rows))
    write_text(directory / f"{_STEM}.md", text)
    draw_comparison(directory / f"{_STEM}.png", rows)
    return text


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    measured = ("num_successes", "num_examples", *MEASURES, *_STRUCTURE)
    columns = ["row", "attack", "tau", "case", *measured, *_COSTS, *_ACCURACIES, *(f"paper_{m}" for m in MEASURES)]
    lines = []
    for row in rows:
        for case in (*CASES, "all"):
            paper = (row["paper"] or {}).get(case, {})
            what = [row["name"], row["attack"], row["tau"], case]
            ours = [*(row[case][name] for name in measured), *(row[name] for name in _COSTS)]
            lines.append(cells([*what, *ours, *map(row.get, _ACCURACIES), *map(paper.get, MEASURES)]))
    return Table("", columns, lines).csv()


def _markdown(figures: dict[str, Any], rows: Sequence[dict[str, Any]], claims: dict[str, Any]) -> str:
    shown = [row for row in rows if row["shown"]]
    parts = []
    if shown:
        first = shown[0]
        size = f"{numbered(first['num_images'], 'image')}, {numbered(first['num_examples'], 'example')}"
        size += f" (targets: {figures['targets']})"
        where = f"{public_name(figures['model'])}, {public_name(figures['dataset'])}"
        parts = [f"# Attacks on {where}: {size}\n"]
    parts += [table.section() for table in tables_of(rows, claims)]
    parts += ["## Commands\n", "\n".join(f"- {row['name']}: `{row['command']}`" for row in rows) + "\n"]
    return "\n".join(parts)


def tables_of(rows: Sequence[dict[str, Any]], claims: Mapping[str, Any]) -> list[Table]:
    """The comparison as tables, as far as there are rows for them; the paper's rows are below ours."""
    shown, by_name = [row for row in rows if row["shown"]], {row["name"]: row for row in rows}
    front = [row for row in rows if row["tau"] is not None]
    tables = []
    if shown:
        tables.append(_main(shown))
    if BASELINE in by_name and len(shown) > 1:
        tables.append(_ratios(shown, by_name[BASELINE], claims))
    if shown:
        tables.append(_cost(shown))
    if front and OURS in by_name:
        tables.append(_front(front, by_name))
    return [*tables, *_claims(claims)]


def _accuracy(row: dict[str, Any]) -> str:
    """A note on the images that all rows attack."""
    share = row.get("clean_accuracy")
    if share is None:
        return ""
    images = numbered(row["num_images"] + row["skipped_misclassified"], "image")
    return (
        f" Clean accuracy is {format_value('clean_accuracy', share)}: {row['num_images']} of {images} classified "
        f"correctly; only these are attacked. {ROBUST}"
    )


def _main(rows: Sequence[dict[str, Any]]) -> Table:
    robust, shown = known(rows, "robust_accuracy"), [(case, m) for case in CASES for m in MEASURES]
    lines = []
    for row in rows:
        extra = [cell_of(name, row.get(name)) for name in robust]
        lines.append([plain(row["name"]), *extra, *(cell_of(m, row[case][m]) for case, m in shown)])
        if row["paper"]:
            printed = [paper_cell(m, row["paper"][case][m]) for case, m in shown]
            lines.append([plain(PAPER), *cells([None] * len(robust)), *printed])
    columns = ["attack", *map(title_of, robust), *(f"{case} {SYMBOLS[m]}" for case, m in shown)]
    return Table("Attacks", columns, lines, _NOTE + _accuracy(rows[0]))


def _ratios(rows: Sequence[dict[str, Any]], baseline: dict[str, Any], claims: Mapping[str, Any]) -> Table:
    lines = []
    for row in rows:
        if row is not baseline:
            intervals = claims.get(f"{RATIO}{row['name']}", {})
            lines.append([plain(row["name"]), *_ratio(row["average"], baseline["average"], intervals)])
            if row["paper"] and baseline["paper"]:
                lines.append([plain(PAPER), *_ratio(row["paper"]["average"], baseline["paper"]["average"])])
    found = [between for name, ratios in claims.items() if name.startswith(RATIO) for between in ratios.values()]
    note = NOTE if any(between is not None for between in found) else ""
    return Table(f"Against {BASELINE}, average case", ["attack", *(SYMBOLS[m] for m in _DISTANCES)], lines, note)


def _ratio(
    block: dict[str, Any], baseline: dict[str, Any], intervals: Mapping[str, Sequence[float] | None] | None = None
) -> list[Cell]:
    found = []
    for measure in _DISTANCES:
        value, base, between = block[measure], baseline[measure], (intervals or {}).get(measure)
        share = None if value is None or not base else value / base
        around = "" if between is None else f" ({between[0]:.2f} to {between[1]:.2f})"
        found.append(Cell("-" if share is None else f"{share:.2f} ×{around}", share))
    return found


def _cost(rows: Sequence[dict[str, Any]]) -> Table:
    lines = []
    for row in rows:
        structure = [cell_of(m, row["average"][m]) for m in _STRUCTURE]
        gradients, forwards, seconds = (row[name] for name in _COSTS)
        costs = [
            Cell(f"{gradients:.0f}", gradients),
            Cell(f"{forwards:.0f}", forwards),
            Cell(f"{seconds:.3f}", seconds),
        ]
        lines.append([plain(row["name"]), *structure, *costs])
    columns = ["attack", "ACP", "ANC", "d20", "groups", "gradients", "forward passes", "seconds"]
    return Table("Structure (average case) and cost", columns, lines, "Evaluations and seconds are per example.")


def _front(front: Sequence[dict[str, Any]], by_name: dict[str, dict[str, Any]]) -> Table:
    baseline = by_name.get(BASELINE)
    default = {**by_name[OURS], "tau": by_name[OURS]["attack_parameters"]["tau"]}
    against = [f"{SYMBOLS[m]} / {BASELINE}" for m in _DISTANCES] if baseline else []
    lines = []
    for row in sorted([*front, default], key=lambda row: row["tau"]):
        values = [cell_of(m, row["average"][m]) for m in MEASURES]
        ratios = _ratio(row["average"], baseline["average"]) if baseline else []
        lines.append([Cell(f"{row['tau']:g}", row["tau"]), *values, *ratios])
    return Table("The front over tau, average case", ["tau", *(SYMBOLS[m] for m in MEASURES), *against], lines)


def _claims(claims: Mapping[str, Any]) -> list[Table]:
    lines = []
    if "thresholded" in claims:
        found = claims["thresholded"]
        what = f"{BASELINE} truncated to as many changes as {OURS} still succeeds"
        lines.append([*_line(what, found["share"], found), Cell(f"{100 * THRESHOLDED_CW:.1f} %", THRESHOLDED_CW)])
    if "sparse_success" in claims:
        found = claims["sparse_success"]
        what = f"unrefined {OURS} without its 3 % smallest changes succeeds"
        lines.append([*_line(what, found["restricted"], found), Cell("-", None)])
        retrained = f"{what}, at once or after retraining on the rest"
        lines.append([*_line(retrained, found["retrained"], found), Cell(f"{100 * RETRAINED:.0f} %", RETRAINED)])
    refined = [
        [
            plain(name.removeprefix("refined_")),
            plain(found["num_examples"]),
            *(cell_of(m, found[when][m]) for m in _DISTANCES for when in ("before", "after")),
        ]
        for name, found in claims.items()
        if name.startswith("refined_")
    ]
    columns = ["refined", "examples", *(f"{SYMBOLS[m]} {when}" for m in _DISTANCES for when in ("before", "after"))]
    tables = [Table("Claims of the paper", ["claim", "here", "over", "the paper"], lines)] if lines else []
    return [*tables, *([Table("The refinement of other attacks", columns, refined)] if refined else [])]


def _line(what: str, share: float | None, found: dict[str, Any]) -> list[Cell]:
    return [plain(what), cell_of("asr", share), plain(found["num_examples"])]
