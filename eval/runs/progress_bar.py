"""The progress bar of attacks: finished examples, and the success rate of those that have started."""

from __future__ import annotations

from types import TracebackType

from tqdm import tqdm

from tf_strattack import Progress
from tf_strattack.percent import percent

_FORMAT = "{l_bar}{bar}| {n:.0f}/{total_fmt} examples [{elapsed}<{remaining}]{postfix}"
# At first no remaining time is shown: most of the time so far went into tracing, so an estimate would be wrong.
_UNKNOWN = _FORMAT.replace("<{remaining}", "")
_KNOWN_FROM = 0.1
_TRACING = "tracing the network"


class ProgressBar:
    """A progress bar over shards; within a shard it follows the attack's own progress."""

    def __init__(self, total: int) -> None:
        """Opens a bar for `total` examples."""
        self._bar = tqdm(total=total, unit="ex", bar_format=_UNKNOWN, desc=_TRACING)
        self._done = self._successes = 0

    def __enter__(self) -> ProgressBar:
        """Returns the bar."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Closes the bar."""
        self._bar.close()

    def follow(self, progress: Progress) -> None:
        """Shows the progress of the current shard; a callback for attacks."""
        within = progress.fraction * progress.examples
        self._show(self._done + within, self._done + progress.started, self._successes + progress.successes)

    def add(self, examples: int, successes: int) -> None:
        """Counts a finished shard."""
        self._done, self._successes = self._done + examples, self._successes + successes
        self._show(self._done, self._done, self._successes)

    def note(self, text: str) -> None:
        """Shows a text in front of the bar."""
        self._bar.set_description_str(text)

    def _show(self, position: float, started: int, successes: int) -> None:
        if self._bar.desc.startswith(_TRACING):
            self._bar.set_description_str("", refresh=False)
        if self._done or position > _KNOWN_FROM * (self._bar.total or position):
            self._bar.bar_format = _FORMAT
        self._bar.n = position
        self._bar.set_postfix_str(f"success {successes}/{started} = {percent(successes / max(1, started), 0)}%")
