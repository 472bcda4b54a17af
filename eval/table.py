"""Tables: best, average and worst case on the terminal, and Markdown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

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
_SHARES = ("asr", "clean_accuracy", "robust_accuracy")
_ACCURACIES = {
    "clean_accuracy": "classified correctly; only these are attacked",
    "robust_accuracy": "classified correctly, with no successful example",
}
ROBUST = (
    "Robust accuracy is the share of all images, misclassified ones included, that are classified correctly and have "
    "no successful example."
)
CASES = ("best", "average", "worst")
MEASURES = ("asr", "l0", "l1", "l2", "linf")
# As Markdown shows them.
SYMBOLS = {"asr": "ASR", "l0": "ℓ0", "l1": "ℓ1", "l2": "ℓ2", "linf": "ℓ∞"}


def format_table(metrics: Mapping[str, Any]) -> str:
    """Formats the blocks of metrics.json, ASR in per cent, means over successes, "-" over none; then the accuracies."""
    rows = [["case", *_COLUMNS.values(), "over"]]
    for case in cases_of(metrics):
        block = metrics[case]
        cells = [format_value(name, block[name]) for name in _COLUMNS]
        rows.append([case, *cells, f"{block['num_successes']} of {block['num_examples']}"])
    accuracies = [f"{name:15}  {share:>7}  {meaning}".rstrip() for name, share, meaning in explain_accuracies(metrics)]
    return "\n".join([align(rows), "", *accuracies])


def cases_of(blocks: Mapping[str, Any]) -> tuple[str, ...]:
    """The cases of the blocks of metrics.json that differ: with one target for each image all of them are the same."""
    one_each = blocks["all"]["num_examples"] == blocks["best"]["num_examples"]
    return ("all",) if one_each else (*CASES, "all")


def explain_accuracies(metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Clean and robust accuracy of metrics.json: name, share in per cent ("-" for none), and what it is a share of."""
    images = metrics["num_images"] + metrics["skipped_misclassified"]
    lines = []
    for name, meaning in _ACCURACIES.items():
        share = metrics.get(name)
        if share is not None:
            explained = f"{round(share * images)} of {numbered(images, 'image')} {meaning}"
        else:  # an earlier version has recorded none
            explained = "the labels are the untrained network's own" if name in metrics else ""
        lines.append((title_of(name), format_value(name, share), explained))
    return lines


def known(rows: Collection[Mapping[str, Any]], *names: str) -> list[str]:
    """Which of the figures `names` any of `rows` has: rows of earlier versions lack some."""
    return [name for name in names if any(row.get(name) is not None for row in rows)]


def title_of(name: str) -> str:
    """The heading of a column of accuracies."""
    return name.replace("_", " ")


def numbered(number: int, noun: str) -> str:
    """A number with its noun: "1 image", "2 images"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def align(rows: list[list[str]]) -> str:
    """Sets the cells of `rows`, the first of which is the heading, in columns aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def markdown(rows: list[list[str]]) -> str:
    """Sets `rows`, the first of which is the heading, as a Markdown table with its numbers to the right."""
    rule = ["---", *["---:"] * (len(rows[0]) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in [rows[0], rule, *rows[1:]])


def format_paper(name: str, value: float | None) -> str:
    """Formats a figure of the paper with the digits that it prints."""
    return "-" if value is None else format_value(name, value) if name == "asr" else f"{value:g}"


def format_value(name: str, value: float | None) -> str:
    """Formats a measure by its name: ASR and accuracies in per cent, "-" for none."""
    if value is None:
        return "-"
    if name == "test_accuracy":
        return f"{100 * value:.2f} %"
    if name in _SHARES:
        return f"{100 * value:.1f} %"
    return f"{value:.3f}" if name in ("l2", "linf") else f"{value:.1f}"
