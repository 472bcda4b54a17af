"""Programs of this checkout as steps of a longer work."""

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
      leaves: the file that is there once it has done its work, after which it is not run again. None for programs that
        find out for themselves what is missing or damaged.
    """

    module: str
    arguments: tuple[str, ...]
    leaves: Path | None = None

    def run(self, name: str, *more: str) -> int:
        """Runs the program, with `more` arguments, for the row `name`, unless it has done its work.

        Returns:
          Its exit status; it has said why.

        Raises:
          InputError: it was killed.
          KeyboardInterrupt: at Ctrl-C, after which it has ended too.
        """
        if self.leaves is not None and self.leaves.exists():
            return 0
        arguments = (*self.arguments, *more)
        print(printable(f"\n{name}: {called(module_of(self.module))} {shlex.join(arguments)}"), flush=True)
        # A process each: training switches to deterministic operations, which cannot be undone and slow attacks down,
        # and the memory of one attack is gone before the next.
        process = subprocess.Popen(
            [sys.executable, "-m", module_of(self.module), *arguments], env={**sharing(), **as_parent()}
        )
        try:
            status = process.wait()
        except KeyboardInterrupt:
            process.wait()  # the terminal has sent it Ctrl-C as well
            raise
        if status < 0:
            raise InputError(
                f"expected {called(module_of(self.module))} to end by itself, received "
                f"{signal.Signals(-status).name}: the command resumes it"
            )
        return status
