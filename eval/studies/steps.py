"""Runs other programs as the steps of a longer job."""

from __future__ import annotations

import dataclasses
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from tf_strattack import InputError
from tf_strattack.programs.modules import called, module_of
from tf_strattack.programs.notices import sharing
from tf_strattack.programs.parent import as_parent
from tf_strattack.programs.streams import printable


@dataclasses.dataclass(frozen=True)
class Step:
    """A program and its arguments.

    Attributes:
      module: the program, as in "eval.attack".
      arguments: its flags.
      leaves: the file that exists once the step is finished, after which it is not run again. None for programs that
        find missing or damaged files themselves.
    """

    module: str
    arguments: tuple[str, ...]
    leaves: Path | None = None

    def run(self, name: str, *more: str) -> int:
        """Runs the program, with `more` arguments, for the row `name`, unless the step is finished.

        Returns:
          The exit status of the program, which has printed any error itself.

        Raises:
          InputError: the program was killed.
          KeyboardInterrupt: at Ctrl-C, after the program has ended too.
        """
        if self.leaves is not None and self.leaves.exists():
            return 0
        arguments = (*self.arguments, *more)
        print(printable(f"\n{name}: {called(module_of(self.module))} {shlex.join(arguments)}"), flush=True)
        # In a process of its own: training switches to deterministic operations, which cannot be undone and would slow
        # attacks down. This also frees the memory of one attack before the next.
        process = subprocess.Popen(
            [sys.executable, "-m", module_of(self.module), *arguments], env={**sharing(), **as_parent()}
        )
        try:
            status = process.wait()
        except KeyboardInterrupt:
            process.wait()  # the terminal sends Ctrl-C to the child too
            raise
        if status < 0:
            raise InputError(
                f"expected {called(module_of(self.module))} to end by itself, received "
                f"{signal.Signals(-status).name}: run the same command again to resume"
            )
        return status
