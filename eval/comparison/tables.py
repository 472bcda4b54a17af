"""The tables of the comparison: JSON, CSV, Markdown and a picture, with the paper's rows beneath ours."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tf_strattack.programs.directories.files import write_json, write_text

from ..paper import RETRAINED, TABLE_1, THRESHOLDED_CW
from ..table import CASES, MEASURES, ROBUST, SYMBOLS, format_paper, format_value, known, markdown, numbered, title_of
from .figure import draw_comparison
from .names import BASELINE, OURS
from .rows import Row

_STEM = "table1"
_STRUCTURE = ("acp", "anc", "d20", "nonzero_groups")
_COSTS = ("gradient_evaluations_per_example", "forward_evaluations_per_example", "seconds_per_example")
_ACCURACIES = ("clean_accuracy", "robust_accuracy")
_DISTANCES = MEASURES[1:]
# The sample holds digits of the MNIST test set.
_PAPERS_NAME = {"sample": "mnist", "imagenet2012": "imagenet", "imagenet_v2": "imagenet"}
_PAPER_LABEL = "*the paper*"
_NOTE = """Means over the successes, of perturbations of pixels in [0, 1]. Best, average (one target of each image at
random) and worst case over the targets; where ASR is below 100 %, a mean is over other examples than its neighbours.
"""


def read_row(row: Row) -> dict[str, Any]:
    """The figures of a finished row, from its metrics.json."""
    metrics = json.loads((row.run / "metrics.json").read_text())
    paper = None
    if row.shown and metrics["targets"] in ("all", "random:9"):
        paper = TABLE_1.get(_PAPERS_NAME.get(metrics["dataset"], metrics["dataset"]), {}).get(row.attack)
    copied = ("attack_parameters", "model_sha256", "num_images", "num_examples", "skipped_misclassified", "command")
    return {
        "name": row.name,
        "attack": row.attack,
        "tau": row.tau,
        "shown": row.shown,
        **{name: metrics[name] for name in (*copied, *_COSTS, *CASES, "all", "versions", "finished_at")},
        # Runs of earlier versions have no accuracies.
        **{name: metrics.get(name) for name in _ACCURACIES},
        "paper": paper,
    }


def remembered(directory: Path) -> dict[str, Any]:
    """The claims that were measured earlier."""
    return dict(_read(directory).get("claims", {}))


def remembered_rows(directory: Path) -> list[dict[str, Any]]:
    """The rows that are in table1.json."""
    return list(_read(directory).get("rows", []))


def write_tables(
    directory: Path, figures: dict[str, Any], new: Sequence[dict[str, Any]], claims: dict[str, Any]
) -> str:
    """Writes table1.json, .csv, .md and .png with the rows and claims of now and of earlier; returns the Markdown."""
    earlier = _read(directory)
    rows = list({row["name"]: row for row in (*earlier.get("rows", []), *new)}.values())
    claims = {**earlier.get("claims", {}), **claims}
    text = _markdown(figures, rows, claims)
    write_json(directory / f"{_STEM}.json", {**figures, "rows": rows, "claims": claims})
    write_text(directory / f"{_STEM}.csv", _csv(rows))
    write_text(directory / f"{_STEM}.md", text)
    draw_comparison(directory / f"{_STEM}.png", [row for row in rows if row["shown"] or row["tau"] is not None])
    return text


def _read(directory: Path) -> dict[str, Any]:
    path = directory / f"{_STEM}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    columns = (*MEASURES, *_STRUCTURE)
    writer.writerow(
        ["row", "attack", "tau", "case", "num_successes", "num_examples", *columns, *_COSTS, *_ACCURACIES]
        + [f"paper_{name}" for name in MEASURES]
    )
    for row in rows:
        for case in (*CASES, "all"):
            paper = (row["paper"] or {}).get(case, {})
            writer.writerow(
                [row["name"], row["attack"], row["tau"], case]
                + [row[case][name] for name in ("num_successes", "num_examples", *columns)]
                + [row[name] for name in _COSTS]
                + [row.get(name) for name in _ACCURACIES]
                + [paper.get(name) for name in MEASURES]
            )
    return file.getvalue()


def _markdown(figures: dict[str, Any], rows: Sequence[dict[str, Any]], claims: dict[str, Any]) -> str:
    shown = [row for row in rows if row["shown"]]
    by_name = {row["name"]: row for row in rows}
    parts = []
    if shown:
        first = shown[0]
        size = f"{numbered(first['num_images'], 'image')}, {numbered(first['num_examples'], 'example')}"
        size += f" (targets: {figures['targets']})"
        parts += [
            f"# Attacks on {figures['model']}, {figures['dataset']}: {size}\n",
            _NOTE + _accuracy(first),
            _main(shown),
        ]
    if BASELINE in by_name and len(shown) > 1:
        parts += [f"## Against {BASELINE}, average case\n", _ratios(shown, by_name[BASELINE])]
    if shown:
        parts += ["## Structure (average case) and cost\n", _cost(shown)]
    front = [row for row in rows if row["tau"] is not None]
    if front and OURS in by_name:
        parts += ["## The front over tau, average case\n", _front(front, by_name)]
    if claims:
        parts += ["## Beside the table\n", _claims(claims)]
    parts += ["## Commands\n", "\n".join(f"- {row['name']}: `{row['command']}`" for row in rows) + "\n"]
    return "\n".join(parts)


def _accuracy(row: dict[str, Any]) -> str:
    """Of the images that all rows attack."""
    share = row.get("clean_accuracy")
    if share is None:
        return ""
    images = numbered(row["num_images"] + row["skipped_misclassified"], "image")
    return (
        f"Clean accuracy is {format_value('clean_accuracy', share)}: {row['num_images']} of {images} classified "
        f"correctly; only these are attacked.\n{ROBUST}\n"
    )


def _main(rows: Sequence[dict[str, Any]]) -> str:
    robust = known(rows, "robust_accuracy")
    table = [["attack", *map(title_of, robust), *(f"{case} {SYMBOLS[m]}" for case in CASES for m in MEASURES)]]
    for row in rows:
        extra = [format_value(name, row.get(name)) for name in robust]
        table.append([row["name"], *extra, *(format_value(m, row[case][m]) for case in CASES for m in MEASURES)])
        if row["paper"]:
            printed = [format_paper(m, row["paper"][case][m]) for case in CASES for m in MEASURES]
            table.append([_PAPER_LABEL, *("" for _ in robust), *printed])
    return markdown(table)


def _ratios(rows: Sequence[dict[str, Any]], baseline: dict[str, Any]) -> str:
    table = [["attack", *(SYMBOLS[m] for m in _DISTANCES)]]
    for row in rows:
        if row is not baseline:
            table.append([row["name"], *_ratio(row["average"], baseline["average"])])
            if row["paper"] and baseline["paper"]:
                table.append([_PAPER_LABEL, *_ratio(row["paper"]["average"], baseline["paper"]["average"])])
    return markdown(table)


def _ratio(block: dict[str, Any], baseline: dict[str, Any]) -> list[str]:
    pairs = [(block[m], baseline[m]) for m in _DISTANCES]
    return ["-" if value is None or not base else f"{value / base:.2f} ×" for value, base in pairs]


def _cost(rows: Sequence[dict[str, Any]]) -> str:
    table = [["attack", "ACP", "ANC", "d20", "groups", "gradients", "forward passes", "seconds"]]
    for row in rows:
        structure = [format_value(m, row["average"][m]) for m in _STRUCTURE]
        gradients, forwards, seconds = (row[name] for name in _COSTS)
        table.append([row["name"], *structure, f"{gradients:.0f}", f"{forwards:.0f}", f"{seconds:.3f}"])
    return markdown(table) + "\nEvaluations and seconds are per example.\n"


def _front(front: Sequence[dict[str, Any]], by_name: dict[str, dict[str, Any]]) -> str:
    baseline = by_name.get(BASELINE)
    default = {**by_name[OURS], "tau": by_name[OURS]["attack_parameters"]["tau"]}
    against = [f"{SYMBOLS[m]} / {BASELINE}" for m in _DISTANCES] if baseline else []
    table = [["tau", *(SYMBOLS[m] for m in MEASURES), *against]]
    for row in sorted([*front, default], key=lambda row: row["tau"]):
        values = [format_value(m, row["average"][m]) for m in MEASURES]
        table.append([f"{row['tau']:g}", *values, *(_ratio(row["average"], baseline["average"]) if baseline else [])])
    return markdown(table)


def _claims(claims: dict[str, Any]) -> str:
    table = [["claim", "here", "over", "the paper"]]
    if "thresholded" in claims:
        found = claims["thresholded"]
        what = f"{BASELINE} cut to as many changes as {OURS} still succeeds"
        table.append([what, *_line(found["share"], found), f"{100 * THRESHOLDED_CW:.1f} %"])
    if "sparse_success" in claims:
        found = claims["sparse_success"]
        what = f"unrefined {OURS} without its 3 % smallest changes succeeds"
        table.append([what, *_line(found["restricted"], found), "-"])
        table.append(
            [
                f"{what}, or does after retraining on the rest",
                *_line(found["retrained"], found),
                f"{100 * RETRAINED:.0f} %",
            ]
        )
    refined = [["refined", "examples", *(f"{SYMBOLS[m]} {when}" for m in _DISTANCES for when in ("before", "after"))]]
    for name, found in claims.items():
        if name.startswith("refined_"):
            values = [format_value(m, found[when][m]) for m in _DISTANCES for when in ("before", "after")]
            refined.append([name.removeprefix("refined_"), str(found["num_examples"]), *values])
    tables = [table] if len(table) > 1 else []
    return "\n".join(map(markdown, [*tables, *([refined] if len(refined) > 1 else [])]))


def _line(share: float | None, found: dict[str, Any]) -> list[str]:
    return [format_value("asr", share), str(found["num_examples"])]
