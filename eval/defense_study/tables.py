"""The tables of the study: JSON, CSV and Markdown, beside the paper's figures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tf_strattack.programs.directories.files import write_json, write_text

from ..paper import DISTILLATION_ASR, TABLE_A1
from ..table import CASES, MEASURES, ROBUST, SYMBOLS, format_paper, format_value, known, markdown, title_of
from .rows import NONE, PGD, Row

_PAPER_DATASET = "mnist"  # of Table A1
_ACCURACIES = ("test_accuracy", "robust_accuracy")
_CHANGES = """Change of the means against the network without defence. Each network is attacked on the first images
that it classifies correctly, which are not quite the same:
"""


def read_row(row: Row) -> dict[str, Any]:
    """The figures of a finished row: blocks of its metrics.json, the network's card, and both commands."""
    metrics = json.loads((row.run / "metrics.json").read_text())
    card = json.loads(row.network.with_suffix(".json").read_text())
    paper = None
    if metrics["attack"] == "strattack" and metrics["targets"] != "untargeted":  # the paper's
        if row.temperature is not None:
            paper = {case: {"asr": DISTILLATION_ASR} for case in CASES}
        elif metrics["dataset"] == _PAPER_DATASET:
            paper = TABLE_A1.get(row.name)
    return {
        "defense": row.name,
        "temperature": row.temperature,
        "test_accuracy": card["test_accuracy"],
        "robust_accuracy": metrics.get("robust_accuracy"),  # runs of earlier versions have none
        "attack": metrics["attack"],
        "num_images": metrics["num_images"],
        "num_examples": metrics["num_examples"],
        "skipped_misclassified": metrics["skipped_misclassified"],
        "gradient_evaluations_per_example": metrics["gradient_evaluations_per_example"],
        **{case: metrics[case] for case in (*CASES, "all")},
        "paper": paper,
        "card": card,
        "commands": {"training": card["command"], "attack": metrics["command"]},
    }


def write_tables(directory: Path, figures: dict[str, Any], new: Sequence[dict[str, Any]]) -> str:
    """Writes defenses.json, .csv and .md with the rows finished so far, now or earlier; returns the Markdown."""
    path = directory / "defenses.json"
    earlier = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = sorted({row["defense"]: row for row in (*earlier, *new)}.values(), key=_place)
    text = _markdown(rows)
    write_json(path, {**figures, "rows": rows})
    write_text(directory / "defenses.md", text)
    write_text(directory / "defenses.csv", _csv(rows))
    return text


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(
        ["defense", "temperature", *_ACCURACIES, "attack", "case", "num_successes", "num_examples", *MEASURES]
        + [f"paper_{measure}" for measure in ("asr", "l1", "l2")]
    )
    for row in rows:
        for case in (*CASES, "all"):
            paper = (row["paper"] or {}).get(case, {})
            writer.writerow(
                [row["defense"], row["temperature"], *map(row.get, _ACCURACIES), row["attack"], case]
                + [row[case][name] for name in ("num_successes", "num_examples", *MEASURES)]
                + [paper.get(measure) for measure in ("asr", "l1", "l2")]
            )
    return file.getvalue()


def _place(row: dict[str, Any]) -> tuple[float, bool, bool]:
    """Of a row in the tables: no defence, attacks as they came, PGD, and temperatures from low to high."""
    return row["temperature"] or 0.0, row["defense"] == PGD, row["defense"] != NONE


def _markdown(rows: Sequence[dict[str, Any]]) -> str:
    trained = [row for row in rows if row["temperature"] is None]
    distilled = [row for row in rows if row["temperature"] is not None]
    parts = [f"{ROBUST}\n"] if known(rows, "robust_accuracy") else []
    if trained:
        parts += ["## Adversarial training\n", _training_table(trained)]
        plain = next((row for row in trained if row["defense"] == NONE), None)
        others = [row for row in trained if row is not plain]
        if plain is not None and others:
            parts += [_CHANGES, _change_table(plain, others)]
    if distilled:
        parts += ["## Defensive distillation\n", _distillation_table(distilled)]
    parts += ["## Commands\n", _commands(rows)]
    return "\n".join(parts)


def _training_table(rows: Sequence[dict[str, Any]]) -> str:
    measures = ("asr", "l1", "l2")
    accuracies = known(rows, *_ACCURACIES)
    heading = [
        "trained with",
        *map(title_of, accuracies),
        *(f"{case} {SYMBOLS[m]}" for case in CASES for m in measures),
    ]
    table = [heading]
    for row in rows:
        ours = [format_value(m, row[case][m]) for case in CASES for m in measures]
        table.append([_title(row["defense"]), *_cells(row, accuracies), *ours])
        if row["paper"] is not None:
            printed = [format_paper(m, row["paper"][case][m]) for case in CASES for m in measures]
            table.append(["*the paper*", *("" for _ in accuracies), *printed])
    return markdown(table)


def _change_table(plain: dict[str, Any], others: Sequence[dict[str, Any]]) -> str:
    table = [["trained with", *(f"{case} {SYMBOLS[m]}" for case in (*CASES, "all") for m in ("l1", "l2"))]]
    for row in others:
        table.append([_title(row["defense"]), *_changes(plain, row)])
        if row["paper"] is not None and plain["paper"] is not None:
            table.append(["*the paper*", *_changes(plain["paper"], row["paper"])])
    return markdown(table)


def _changes(plain: dict[str, Any], row: dict[str, Any]) -> list[str]:
    def change(case: str, measure: str) -> str:
        before, after = (blocks.get(case, {}).get(measure) for blocks in (plain, row))
        return "-" if before is None or after is None else f"{100 * (after / before - 1):+.0f} %"

    return [change(case, measure) for case in (*CASES, "all") for measure in ("l1", "l2")]


def _distillation_table(rows: Sequence[dict[str, Any]]) -> str:
    accuracies = known(rows, *_ACCURACIES)
    heading = ["temperature", *map(title_of, accuracies), "ASR best", "ASR average", "ASR worst", "the paper's ASR"]
    table = [[*heading, *(f"average {SYMBOLS[m]}" for m in MEASURES[1:])]]
    for row in rows:
        successes = [format_value("asr", row[case]["asr"]) for case in CASES]
        distances = [format_value(m, row["average"][m]) for m in MEASURES[1:]]
        paper = format_value("asr", (row["paper"] or {}).get("average", {}).get("asr"))
        table.append([f"{row['temperature']:g}", *_cells(row, accuracies), *successes, paper, *distances])
    return markdown(table)


def _cells(row: dict[str, Any], names: Sequence[str]) -> list[str]:
    return [format_value(name, row.get(name)) for name in names]


def _title(defense: str) -> str:
    titles = {NONE: "nothing (no defence)", PGD: "PGD examples alone"}
    return titles.get(defense, f"examples of {defense}")


def _commands(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        examples = row["card"].get("examples", {}).get("command")
        commands = [row["commands"]["training"], row["commands"]["attack"]]
        lines.append(f"- {row['defense']}: " + "; ".join(f"`{c}`" for c in ([examples] if examples else []) + commands))
    return "\n".join(lines) + "\n"
