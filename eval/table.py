"""Tables: best, average and worst case on the terminal, and Markdown."""

from __future__ import annotations

from typing import Any

_COLUMNS = {
    "asr": "ASR", "l0": "l0", "l1": "l1", "l2": "l2", "linf": "linf", "nonzero_groups": "groups",
    "acp": "ACP", "anc": "ANC", "d20": "d20",
}  # fmt: skip
CASES = ("best", "average", "worst")
MEASURES = ("asr", "l0", "l1", "l2", "linf")
# As Markdown shows them.
SYMBOLS = {"asr": "ASR", "l0": "ℓ0", "l1": "ℓ1", "l2": "ℓ2", "linf": "ℓ∞"}


def format_table(metrics: dict[str, Any]) -> str:
    """Formats the blocks of metrics.json: ASR in per cent, means over successes, "-" over none."""
    rows = [["case", *_COLUMNS.values(), "over"]]
    for case in (*CASES, "all"):
        block = metrics[case]
        cells = [format_value(name, block[name]) for name in _COLUMNS]
        rows.append([case, *cells, f"{block['num_successes']} of {block['num_examples']}"])
    return align(rows)


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
    """Formats a measure by its name: ASR in per cent, "-" for none."""
    if value is None:
        return "-"
    if name == "asr":
        return f"{100 * value:.1f} %"
    return f"{value:.3f}" if name in ("l2", "linf") else f"{value:.1f}"
