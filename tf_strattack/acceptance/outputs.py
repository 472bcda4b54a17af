"""Promises about the output of the network: success and confidence, and the accuracy before the attack."""

from __future__ import annotations

import dataclasses

import numpy as np

from tf_strattack.acceptance.trial import Trial
from tf_strattack.acceptance.verdict import Verdict
from tf_strattack.attacks.attack import Attack
from tf_strattack.percent import percent
from tf_strattack.result import AttackResult
from tf_strattack.typing import Flags

# A share of the originals' margins is asked for as confidence, and how far beyond them none can be reached.
_SHARE, _BEYOND = 0.1, 1e6
# The rounding of logits, relative to the largest.
_LOGITS = 1e-5


def success(trial: Trial) -> Verdict:
    """In every run an example is a success exactly if the owner's own output says so; a failure is the original."""
    number, claimed = len(trial.result), trial.result.success
    details = {"examples": number, "successes": int(claimed.sum()), "runs": len(trial.runs)}
    for rows, result, attack in trial.runs:
        denied = _denied(result, trial.leads(result.adversarial, rows) > 0, attack)
        if denied:
            return Verdict("success", False, denied, details)
    text = f"{claimed.sum()} of {number} examples, by the network's own output"
    also = f"; {len(trial.runs) - 1} other runs agree" if len(trial.runs) > 1 else ""
    return Verdict("success", True, text + also, details)


def _denied(result: AttackResult, fooled: Flags, attack: Attack) -> str:
    """What the owner's output, by which images have `fooled` (N,) the network, denies of a run; "" if nothing."""
    claimed = result.success
    for text, wrong in {
        "count as successes, which the network's own output denies": claimed & ~fooled,
        "count as failures, but are not the original": ~claimed & _changed(result),
        # With a confidence, an image may fool the network and still be a failure.
        "count as failures, though the network's own output has the goal": ~claimed & fooled & (attack.confidence == 0),
    }.items():
        if wrong.any():
            return _some(wrong, len(result), text)
    return ""


def confidence(trial: Trial) -> Verdict:
    """Successes lead by the confidence; one that is out of reach leaves the original, and no success."""
    margins = np.abs(trial.leads(trial.images, logits=True))
    asked = trial.attack.confidence + float(max(1e-3, _SHARE * np.median(margins)))
    result = trial.run(dataclasses.replace(trial.attack, confidence=asked))
    leads = trial.leads(result.adversarial, logits=True)
    least = asked - max(_LOGITS * _largest(trial, result), trial.classifier.resolution)
    details = {"asked": asked, "successes": int(result.success.sum())}
    short = result.success & ~(leads >= least)
    if short.any():
        text = f"lead by less than the confidence of {asked:.4g}, the least by {leads[short].min():.4g}"
        return Verdict("confidence", False, _some(short, len(result), text), details)
    one = slice(0, 1)
    beyond = trial.run(dataclasses.replace(trial.attack, confidence=_BEYOND * max(1.0, float(margins.max()))), one)
    if beyond.success.any() or _changed(beyond).any():
        text = "a confidence out of reach leaves a success, or an image that is not the original"
        return Verdict("confidence", False, text, details)
    if not result.success.any():
        return Verdict("confidence", None, f"no example reached the confidence of {asked:.4g}", details)
    details["least_lead"] = float(leads[result.success].min())
    text = f"{result.success.sum()} of {len(result)} reach {asked:.4g}; one out of reach leaves the original"
    return Verdict("confidence", True, text, details)


def clean_accuracy(trial: Trial) -> Verdict:
    """Every run finds the same originals classified correctly, as the owner's output has it."""
    _ = trial.result  # one run at least
    correct = trial.classes(trial.images) == trial.labels
    share = float(correct.mean())
    details = {"clean_accuracy": share, "runs": len(trial.runs)}
    for number, (rows, result, _) in enumerate(trial.runs, 1):
        found = result.clean_correct
        if not np.array_equal(found, correct[rows]):
            rates = f"reports {percent(found.mean())}%, the network's output {percent(share)}%"
            text = f"run {number} of {len(trial.runs)} {rates}"
            return Verdict("clean accuracy", False, text, details)
    return Verdict("clean accuracy", True, f"{percent(share)}% in all of {len(trial.runs)} runs", details)


def _changed(result: AttackResult) -> Flags:
    """Which examples (N,) are not their original."""
    changed: Flags = (result.adversarial != result.images).any(axis=(1, 2, 3))
    return changed


def _largest(trial: Trial, result: AttackResult) -> float:
    return max(1.0, float(np.abs(trial.leads(result.adversarial, logits=True)).max()))


def _some(wrong: Flags, number: int, text: str) -> str:
    return f"{wrong.sum()} of {number} examples {text}"
