"""The flag of the gate."""

from __future__ import annotations

from absl import flags

FAIL_IF = flags.DEFINE_multi_string(
    "fail_if",
    [],
    'Exit with 3 if a condition on the figures holds, such as "asr > 0.5 at groups <= 5". Separate several by '
    "semicolons. best.asr and worst.asr are the rates of those cases; at counts only successes within the limits "
    "that follow it",
)
