"""The scores as numbers: JSON, CSV and Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tf_strattack.programs.command_line import public_name
from tf_strattack.runtime.files import write_json, write_text

from ...tables.table import Cell, Table, cells
from ..paper import CAM_SCORES
from .scores import ACTIVATION, ASM, ASM_NONZERO, FIFTH, Explanation, Scored, Values

STEM = "interpretability"
FILES = tuple(f"{STEM}.{kind}" for kind in ("json", "csv", "md"))
_TITLES = {
    ASM: "ASM above a percentile of all its scores",
    ASM_NONZERO: "ASM above a percentile of its scores other than 0",
    ACTIVATION: "{activation} above a percentile",
    FIFTH: "{activation} above a fifth of its maximum",
}
# The percentile in the sentence about the finding: that of the paper's overlays.
_TYPICAL = 90.0
_ACTIVATIONS = {"cam": "CAM", "grad_cam": "Grad-CAM", None: "none"}


def summarise_scores(table: Scored, explanation: Explanation) -> dict[str, Any]:
    """Means over the examples, and the differences between the first attack and each other one; JSON values."""
    return {
        "form": explanation.form,
        "activation": _ACTIVATIONS[explanation.activation],
        "no_activation_because": explanation.reason or None,
        "num_examples": table.num_examples,
        "num_scored": len(table.chosen),
        "num_images": len(np.unique(table.images)),
        "regions": {
            region: {
                "percentiles": list(table.percentiles) if region != FIFTH else [None],
                "scores": {attack: values.mean(axis=1).tolist() for attack, values in by_attack.items()},
                "even": table.even[region].mean(axis=1).tolist(),
                "differences": _differences(by_attack, table.images),
            }
            for region, by_attack in table.scores.items()
        },
    }


def write_scores(directory: Path, figures: dict[str, Any]) -> str:
    """Writes interpretability.json, .csv and .md; returns the Markdown."""
    text = _markdown(figures)
    write_json(directory / f"{STEM}.json", figures)
    write_text(directory / f"{STEM}.csv", _csv(figures))
    write_text(directory / f"{STEM}.md", text)
    return text


def _differences(by_attack: Mapping[str, Values], images: np.ndarray) -> dict[str, Any]:
    """Differences between the first attack and each other one: means over examples, their errors, shares above 0.

    The standard errors are those of a mean over clusters, the images, which may have different numbers of examples.
    """
    (_, first), *others = by_attack.items()
    ids, image = np.unique(images, return_inverse=True)
    found: dict[str, Any] = {}
    for name, other in others:
        difference = first - other
        means = difference.mean(axis=1)
        excess = np.stack([np.bincount(image, row, minlength=len(ids)) for row in difference - means[:, None]])
        spread = np.sqrt((excess**2).sum(axis=1)) / len(image)
        errors = spread * np.sqrt(len(ids) / (len(ids) - 1)) if len(ids) > 1 else np.full(len(means), np.nan)
        found[name] = {
            "mean": means.tolist(),
            "standard_error": [None if np.isnan(error) else float(error) for error in errors],
            "share_above": (difference > 0).mean(axis=1).tolist(),
        }
    return found


def _markdown(figures: Mapping[str, Any]) -> str:
    attacks = list(figures["attacks"])
    parts = [
        f"# Interpretability of attacks on {public_name(figures['model'])}, {public_name(figures['dataset'])}\n",
        f"{summary_of(figures)}\n",
    ]
    for region, block in figures["regions"].items():
        parts += [
            region_table(region, figures).section(),
            _mean_line(region, block, attacks),
        ]
    if figures["no_activation_because"]:
        parts.append(f"No class activation: {figures['no_activation_because']}.\n")
    parts += [
        "## Commands\n",
        "\n".join([f"- `{figures['command']}`", *(f"- {n}: `{c}`" for n, c in figures["attacks"].items())]) + "\n",
    ]
    return "\n".join(parts)


def finding_of(figures: Mapping[str, Any]) -> str:
    """A sentence about the saliency scores at one percentile; it reports a difference only if it is clear."""
    block, (first, *others) = figures["regions"][ASM], figures["attacks"]
    percentiles = block["percentiles"]
    number = percentiles.index(_TYPICAL) if _TYPICAL in percentiles else len(percentiles) // 2
    scores = ", ".join(f"{attack} {block['scores'][attack][number]:.2f}" for attack in (first, *others))
    where = f"where saliency (ASM) is above its {percentiles[number]:g}th percentile"
    measured = f"scores of {scores}, and {block['even'][number]:.2f} if spread evenly"
    if not others:
        return f"The score of perturbations {where}: {measured}."
    found = block["differences"][others[0]]
    mean, error = found["mean"][number], found["standard_error"][number]
    if error is None or abs(mean) <= 2 * error:
        return f"No clear difference between {first} and {others[0]} {where}: {measured}."
    more = "more" if mean > 0 else "less"
    return (
        f"{first} puts {more} of its perturbation than {others[0]} {where}: {measured}; the difference is {mean:+.2f} "
        f"± {error:.2f}."
    )


def summary_of(figures: Mapping[str, Any]) -> str:
    """An explanation of the tables in words."""
    first, *others = figures["attacks"]
    differences = (
        f" {', '.join(f'“over {other}”' for other in others)}: how much higher {first} is, with the standard "
        f"error over images, and the share of examples in which it is higher."
    )
    return (
        f"Means over the {figures['num_scored']} of {figures['num_examples']} examples ({figures['num_images']} "
        "images) in which all attacks succeed: the part of a perturbation's ℓ2 norm in the region, eq. (23). “spread "
        "evenly”: the score of a perturbation that is equally strong everywhere." + differences * bool(others)
    )


def region_table(region: str, figures: Mapping[str, Any]) -> Table:
    """The scores of one kind of region, one row per percentile."""
    block, attacks = figures["regions"][region], list(figures["attacks"])
    others = list(block["differences"])
    columns = ["percentile", *attacks, "spread evenly", *(f"over {other}" for other in others)]
    rows = []
    for number, percentile in enumerate(block["percentiles"]):
        scores = [*(block["scores"][attack][number] for attack in attacks), block["even"][number]]
        shown = "-" if percentile is None else f"{percentile:g}"
        rows.append(
            [
                Cell(shown, percentile),
                *(Cell(f"{score:.3f}", score) for score in scores),
                *(_difference(block["differences"][other], number) for other in others),
            ]
        )
    return Table(title_of(region, figures), columns, rows)


def title_of(region: str, figures: Mapping[str, Any]) -> str:
    """The description of a kind of region."""
    return _TITLES[region].format(activation=figures["activation"])


def _difference(differences: Mapping[str, Any], number: int) -> Cell:
    mean, error, share = (differences[name][number] for name in ("mean", "standard_error", "share_above"))
    around = "" if error is None else f" ± {error:.3f}"
    return Cell(f"{mean:+.3f}{around} ({share:.0%})", mean)


def _mean_line(region: str, block: Mapping[str, Any], attacks: list[str]) -> str:
    """For class activation, the means over percentiles, next to those of the paper, which states no threshold."""
    if region != ACTIVATION:
        return ""
    means = ", ".join(f"{attack} {np.mean(block['scores'][attack]):.3f}" for attack in attacks)
    paper = ", ".join(f"{attack} {value}" for attack, value in CAM_SCORES.items())
    return f"Means over these percentiles: {means} (the paper, on ImageNet, threshold not stated: {paper}).\n"


def _csv(figures: Mapping[str, Any]) -> str:
    rows = [
        cells([region, percentile, attack, value])
        for region, block in figures["regions"].items()
        for attack, scores in [*block["scores"].items(), ("spread evenly", block["even"])]
        for percentile, value in zip(block["percentiles"], scores, strict=True)
    ]
    return Table("", ["region", "percentile", "attack", "score"], rows).csv()
