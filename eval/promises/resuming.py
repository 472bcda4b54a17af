"""The promise about runs of programs: one that was interrupted and resumed equals one that was not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tf_strattack import AttackResult
from tf_strattack.acceptance import Verdict
from tf_strattack.acceptance.repetition import equal
from tf_strattack.acceptance.verdict import failed

from .. import flags
from ..inputs.examples import Selection
from ..pipeline import work_on
from ..runs.engine import Run, configuration_of
from ..runs.plan import Plan
from ..runs.rows import FLOAT32
from ..runs.setting import Setting
from ..runs.work import Outcome

_PROGRAM, _NAME = "eval.attack", "resume"
_SHARDS = 3
_TIMES = ("seconds", "calls", "attack", "bounds", "interrupted")


class _Interruption(Exception):
    """Ends a run in the middle."""


class _Attacking:
    """Attacks shards; ends after the first one if it is to be interrupted, and knows which it has attacked."""

    def __init__(self, setting: Setting, *, interrupted: bool = False) -> None:
        self._setting, self._interrupted = setting, interrupted
        self.attacked: list[int] = []

    def __call__(self, plan: Plan, numbers: list[int], examples: int) -> Any:
        return self._outcomes(plan, numbers)

    def _outcomes(self, plan: Plan, numbers: list[int]) -> Iterator[tuple[int, Outcome]]:
        classifier = self._setting.model.classifier
        # A callback, as programs have one for their progress bar.
        work = work_on(self._setting, plan, numbers)
        for number, examples in plan.shards(self._setting.data, classifier.bounds, numbers):
            if self._interrupted and self.attacked:
                raise _Interruption
            self.attacked.append(number)
            yield number, work(classifier, examples, lambda progress: None)


class Resumed(NamedTuple):
    """The verdict, and the plan of the run, whose examples serve for other promises."""

    verdict: Verdict
    plan: Plan


def resume(setting: Setting, directory: Path) -> Resumed:
    """Makes a run at once, and another one in two parts, within `directory`; compares every example."""
    per_image = setting.targets.per_image(setting.model.classifier.num_classes or 1)
    examples = (flags.NUM_IMAGES.value or _SHARDS) * per_image
    configuration = configuration_of(
        setting, num_images=flags.NUM_IMAGES.value, shard_size=-(-examples // _SHARDS), image_dtype=FLOAT32
    )

    def begin(name: str) -> Run:
        fresh = setting._replace(selection=_again(setting))
        return Run.begin(_PROGRAM, directory / name, fresh, configuration, overwrite=False, announced=False)

    whole = begin("whole")
    plan = whole.store.plan
    if plan.num_shards < 2:
        return Resumed(Verdict(_NAME, None, "the run has one shard, so that there is nothing to resume"), plan)
    try:
        return Resumed(_verdict(whole, lambda: begin("parts")), plan)
    except (Exception, SystemExit) as error:  # an attack of the user's own can raise anything
        return Resumed(failed(_NAME, error), plan)


def _verdict(whole: Run, begin: Callable[[], Run]) -> Verdict:
    """Makes the run `whole`, and one in two parts, which `begin` begins and resumes."""
    setting, every = whole.setting, range(whole.store.plan.num_shards)
    whole.make(every, _Attacking(setting))
    whole.release()
    first = begin()
    try:
        first.make(every, _Attacking(setting, interrupted=True))
    except _Interruption:
        first.release()
    second, rest = begin(), _Attacking(setting)
    second.make(every, rest)
    second.release()
    return _compared(whole, second, rest.attacked)


def _again(setting: Setting) -> Selection:
    """The same selection from its beginning, as another process would have it."""
    chosen = flags.NUM_IMAGES.value, setting.targets
    return Selection(setting.data.records, setting.model.classifier, *chosen, own_labels=setting.own_labels)


def _compared(whole: Run, parts: Run, attacked: list[int]) -> Verdict:
    number = whole.store.plan.num_shards
    details = {"shards": number, "resumed": attacked}
    if whole.store.plan.digest != parts.store.plan.digest:
        return Verdict(_NAME, False, "the second run has chosen other images, or finds another clean accuracy", details)
    if attacked != list(range(1, number)):
        return Verdict(_NAME, False, f"shards {attacked} were attacked after the interruption, of {number}", details)
    for shard in range(number):
        differ = _differences(whole.store.result(shard), parts.store.result(shard))
        if differ:
            text = f"shard {shard} of {number} differs in {', '.join(differ)} from that of a run at once"
            return Verdict(_NAME, False, text, details)
    text = f"{len(attacked)} of {number} shards were made after an interruption, and all equal those of a run at once"
    return Verdict(_NAME, True, text, details)


def _differences(one: AttackResult, other: AttackResult) -> list[str]:
    names = [field.name for field in dataclasses.fields(AttackResult) if field.name not in _TIMES]
    return [name for name in names if not equal(getattr(one, name), getattr(other, name))]
