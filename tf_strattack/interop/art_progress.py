"""A progress bar as ART's own attacks show one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from tf_strattack.runtime.progress import Callback, Progress


@contextmanager
def progress_bar(name: str, examples: int, verbose: bool) -> Iterator[Callback]:
    """Shows the progress of an attack called `name` on so many `examples`, if `verbose`; yields the callback."""
    with tqdm(total=examples, desc=name, disable=not verbose) as bar:

        def show(progress: Progress) -> None:
            bar.update(progress.done - bar.n)

        yield show
