"""The measures of metrics.json in tables: names, number formats, and the best, average and worst case."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping
from typing import Any

from tf_strattack.percent import percent

from .table import Cell, Table, plain

_COLUMNS = {
    "asr": "ASR",
    "l0": "l0",
    "l1": "l1",
    "l2": "l2",
    "linf": "linf",
    "nonzero_groups": "groups",
    "acp": "ACP",
    "anc": "ANC",
    "d20": "d20",
}
# Fractions, shown in per cent.
_SHARES = ("asr", "clean_accuracy", "robust_accuracy", "accuracy_under_pgd")
_ACCURACIES = {
    "clean_accuracy": "classified correctly; only these are attacked",
    "robust_accuracy": "classified correctly, with no successful example",
}
ROBUST = (
    "Robust accuracy is the share of all images, misclassified ones included, that are classified correctly and have "
    "no successful example."
)
# What the columns are, next to a table of them.
MEANING = (
    "Means over successful examples (over), of perturbations in [0, 1] scale. ℓ0 counts changed entries, groups counts "
    "groups with a changed entry, ACP changed pixels, ANC clusters of changed pixels, d20 the 8 × 8 windows with a "
    "changed pixel."
)
CASES = ("best", "average", "worst")
MEASURES = ("asr", "l0", "l1", "l2", "linf")
# The first cell of a row with the paper's figures, below ours.
PAPER = "the paper"
# The symbols of measures in Markdown.
SYMBOLS = {"asr": "ASR", "l0": "ℓ0", "l1": "ℓ1", "l2": "ℓ2", "linf": "ℓ∞"}


def format_table(metrics: Mapping[str, Any]) -> str:
    """A text table of the blocks of metrics.json: ASR in per cent, means over successes ("-" for none); accuracies."""
    rows = []
    for case in cases_of(metrics):
        block = metrics[case]
        over = f"{block['num_successes']} of {block['num_examples']}"
        rows.append(
            [plain(case), *(cell_of(name, block[name]) for name in _COLUMNS), Cell(over, block["num_successes"])]
        )
    table = Table("", ["case", *_COLUMNS.values(), "over"], rows)
    accuracies = [f"{name:15}  {share:>7}  {meaning}".rstrip() for name, share, meaning in explain_accuracies(metrics)]
    return "\n".join([table.text(), "", *textwrap.wrap(MEANING, 100), "", *accuracies])


def cases_of(blocks: Mapping[str, Any]) -> tuple[str, ...]:
    """The cases of metrics.json to show: with one target per image all cases are the same."""
    one_each = blocks["all"]["num_examples"] == blocks["best"]["num_examples"]
    return ("all",) if one_each else (*CASES, "all")


def explain_accuracies(metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Clean and robust accuracy of metrics.json: name, share in per cent ("-" for none), and meaning."""
    images = metrics["num_images"] + metrics["skipped_misclassified"]
    lines = []
    for name, meaning in _ACCURACIES.items():
        share = metrics.get(name)
        if share is not None:
            explained = f"{round(share * images)} of {numbered(images, 'image')} {meaning}"
        else:  # runs of earlier versions have no record
            explained = "the labels are the untrained network's own" if name in metrics else ""
        lines.append((title_of(name), format_value(name, share), explained))
    return lines


def known(rows: Collection[Mapping[str, Any]], *names: str) -> list[str]:
    """The figures among `names` that any of `rows` has; rows of earlier versions lack some."""
    return [name for name in names if any(row.get(name) is not None for row in rows)]


def title_of(name: str) -> str:
    """The heading of a column of accuracies."""
    return name.replace("_", " ").replace("pgd", "PGD")


def numbered(number: int, noun: str) -> str:
    """A number with its noun: "1 image", "2 images"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def cell_of(name: str, value: float | None) -> Cell:
    """A cell with the value of the measure `name`."""
    return Cell(format_value(name, value), value)


def paper_cell(name: str, value: float | None) -> Cell:
    """A cell with a figure of the paper, with the digits that the paper prints."""
    return Cell(format_paper(name, value), value)


def format_paper(name: str, value: float | None) -> str:
    """Formats a figure of the paper with the digits that the paper prints."""
    return "-" if value is None else format_value(name, value) if name == "asr" else f"{value:g}"


def format_value(name: str, value: float | None) -> str:
    """Formats a measure by its name: ASR and accuracies in per cent, "-" for none."""
    if value is None:
        return "-"
    if name == "test_accuracy":
        return f"{percent(value, 2)} %"
    if name in _SHARES:
        return f"{percent(value)} %"
    return f"{value:.3f}" if name in ("l2", "linf") else f"{value:.1f}"
