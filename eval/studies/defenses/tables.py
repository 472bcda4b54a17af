"""The tables of the study: JSON, CSV and Markdown, with the paper's figures below ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tf_strattack.programs.directories.sealed import read_unless_damaged
from tf_strattack.runtime.files import write_json, write_text
from tf_strattack.runtime.loading import load_or_explain

from ...runs.reading import metrics_in
from ...tables.measures import (
    CASES,
    MEASURES,
    PAPER,
    ROBUST,
    SYMBOLS,
    cell_of,
    known,
    paper_cell,
    title_of,
)
from ...tables.table import Cell, Table, cells, plain
from ..paper import DISTILLATION_ASR, TABLE_A1
from ..study import Study
from .rows import ENSEMBLE, NOISE, NONE, PGD, SMOOTHING, WITHOUT_EXAMPLES, DefenseRow, card_of

_STEM = "defenses"
FILES = tuple(f"{_STEM}.{kind}" for kind in ("json", "csv", "md"))
_PAPER_DATASET = "mnist"  # Table A1
_ACCURACIES = ("test_accuracy", "robust_accuracy", "accuracy_under_pgd")
_CHANGED = [(case, measure) for case in (*CASES, "all") for measure in ("l1", "l2")]
_CHANGES = (
    "Change of the means relative to the network without defence. Each network is attacked on the first images that it "
    "classifies correctly, so the images differ slightly."
)


def read_row(row: DefenseRow) -> dict[str, Any]:
    """The figures of a finished row: blocks of its metrics.json, the network's card, and the commands."""
    metrics, card = metrics_in(row.run), _read_card(card_of(row.network))
    pgd = None if row.pgd is None else metrics_in(row.pgd)
    paper = None
    if metrics["attack"] == "strattack" and metrics["targets"] != "untargeted":  # as in the paper
        if row.temperature is not None:
            paper = {case: {"asr": DISTILLATION_ASR} for case in CASES}
        elif metrics["dataset"] == _PAPER_DATASET:
            paper = TABLE_A1.get(row.name)
    copied = ("robust_accuracy", "attack", "num_images", "num_examples", "skipped_misclassified")
    return {
        "defense": row.name,
        "temperature": row.temperature,
        # The smoothed network sees noisy images only.
        "test_accuracy": card.get("noise_test_accuracy") if row.name == SMOOTHING else card["test_accuracy"],
        "accuracy_under_pgd": None if pgd is None else pgd["robust_accuracy"],
        **{name: metrics[name] for name in (*copied, "gradient_evaluations_per_example", *CASES, "all")},
        "paper": paper,
        "card": card,
        "commands": {
            "training": card["command"],
            "attack": metrics["command"],
            **({} if pgd is None else {"pgd": pgd["command"]}),
        },
    }


def _read_card(path: Path) -> dict[str, Any]:
    """The card of a network, possibly one that a user put there, or one of a version without checksums.

    Raises:
      InputError: the card lacks values that the tables need.
    """

    def read() -> dict[str, Any]:
        card: dict[str, Any] = read_unless_damaged(path)
        return {**card, "test_accuracy": float(card["test_accuracy"]), "command": str(card["command"])}

    found: dict[str, Any] = load_or_explain(read, path, "the card of a network with its test_accuracy and command")
    return found


def write_tables(study: Study) -> str:
    """Writes defenses.json, .csv and .md with the finished rows; returns the Markdown."""
    rows = rows_of(study)
    text = _markdown(rows)
    write_json(study.directory / f"{_STEM}.json", {**study.facts, "rows": rows})
    write_text(study.directory / f"{_STEM}.md", text)
    write_text(study.directory / f"{_STEM}.csv", _csv(rows))
    return text


def rows_of(study: Study) -> list[dict[str, Any]]:
    """The finished rows, in the order of the tables."""
    return sorted(study.rows(), key=_place)


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    counted, printed = ("num_successes", "num_examples", *MEASURES), ("asr", "l1", "l2")
    accuracies = [name for name in _ACCURACIES if name != _ACCURACIES[-1] or known(rows, name)]
    columns = ["defense", "temperature", *accuracies, "attack", "case", *counted, *(f"paper_{m}" for m in printed)]
    lines = []
    for row in rows:
        for case in (*CASES, "all"):
            paper = (row["paper"] or {}).get(case, {})
            what = [row["defense"], row["temperature"], *map(row.get, accuracies), row["attack"], case]
            lines.append(cells([*what, *(row[case][name] for name in counted), *map(paper.get, printed)]))
    return Table("", columns, lines).csv()


def _place(row: dict[str, Any]) -> tuple[float, float]:
    """The sort key of a row: no defence, attacks in the order given, other defences, then temperatures ascending."""
    name = row["defense"]
    # The first of them is no defence.
    place = WITHOUT_EXAMPLES.index(name) if name in WITHOUT_EXAMPLES else 0.5
    return row["temperature"] or 0.0, place


def _markdown(rows: Sequence[dict[str, Any]]) -> str:
    parts = [f"{ROBUST}\n"] if known(rows, "robust_accuracy") else []
    return "\n".join([*parts, *(table.section() for table in tables_of(rows)), "## Commands\n", _commands(rows)])


def tables_of(rows: Sequence[dict[str, Any]]) -> list[Table]:
    """The study as tables, as far as there are rows for them."""
    trained = [row for row in rows if row["temperature"] is None]
    distilled = [row for row in rows if row["temperature"] is not None]
    plain_row = next((row for row in trained if row["defense"] == NONE), None)
    others = [row for row in trained if row is not plain_row]
    changes = [_change_table(plain_row, others)] if plain_row is not None and others else []
    return [
        *([_training_table(trained)] if trained else []),
        *changes,
        *([_distillation_table(distilled)] if distilled else []),
    ]


def _training_table(rows: Sequence[dict[str, Any]]) -> Table:
    shown = [(case, m) for case in CASES for m in ("asr", "l1", "l2")]
    accuracies = known(rows, *_ACCURACIES)
    lines = []
    for row in rows:
        ours = [cell_of(m, row[case][m]) for case, m in shown]
        lines.append([plain(title(row["defense"])), *(cell_of(name, row.get(name)) for name in accuracies), *ours])
        if row["paper"] is not None:
            printed = [paper_cell(m, row["paper"][case][m]) for case, m in shown]
            lines.append([plain(PAPER), *cells([None] * len(accuracies)), *printed])
    columns = ["trained with", *map(title_of, accuracies), *(f"{case} {SYMBOLS[m]}" for case, m in shown)]
    return Table("Training against attacks", columns, lines)


def _change_table(undefended: dict[str, Any], others: Sequence[dict[str, Any]]) -> Table:
    lines = []
    for row in others:
        lines.append([plain(title(row["defense"])), *_changes(undefended, row)])
        if row["paper"] is not None and undefended["paper"] is not None:
            lines.append([plain(PAPER), *_changes(undefended["paper"], row["paper"])])
    columns = ["trained with", *(f"{case} {SYMBOLS[m]}" for case, m in _CHANGED)]
    return Table("Change relative to no defence", columns, lines, _CHANGES)


def _changes(undefended: dict[str, Any], row: dict[str, Any]) -> list[Cell]:
    def change(case: str, measure: str) -> Cell:
        before, after = (blocks.get(case, {}).get(measure) for blocks in (undefended, row))
        if before is None or after is None:
            return Cell("-", None)
        share = after / before - 1
        return Cell(f"{100 * share:+.0f} %", share)

    return [change(case, measure) for case, measure in _CHANGED]


def _distillation_table(rows: Sequence[dict[str, Any]]) -> Table:
    accuracies, distances = known(rows, *_ACCURACIES), MEASURES[1:]
    lines = [
        [
            Cell(f"{row['temperature']:g}", row["temperature"]),
            *(cell_of(name, row.get(name)) for name in accuracies),
            *(cell_of("asr", row[case]["asr"]) for case in CASES),
            cell_of("asr", (row["paper"] or {}).get("average", {}).get("asr")),
            *(cell_of(m, row["average"][m]) for m in distances),
        ]
        for row in rows
    ]
    heading = ["temperature", *map(title_of, accuracies), "ASR best", "ASR average", "ASR worst", "the paper's ASR"]
    return Table("Defensive distillation", [*heading, *(f"average {SYMBOLS[m]}" for m in distances)], lines)


def title(defense: str) -> str:
    """What a network was trained with, in words."""
    titles = {
        NONE: "nothing (no defence)",
        PGD: "PGD examples alone",
        NOISE: "noisy images",
        SMOOTHING: "noisy images; attacked behind noise",
        ENSEMBLE: "nothing else; mean of several networks",
    }
    return titles.get(defense, f"examples of {defense}")


def _commands(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        examples = row["card"].get("examples", {}).get("command")
        commands = [row["commands"][name] for name in ("training", "attack", "pgd") if name in row["commands"]]
        lines.append(f"- {row['defense']}: " + "; ".join(f"`{c}`" for c in ([examples] if examples else []) + commands))
    return "\n".join(lines) + "\n"
