"""How every program starts and ends: flags in, one line and status 2 for a user's mistake."""

from __future__ import annotations

import errno
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

from absl import app, flags, logging

from tf_strattack.errors import InputError
from tf_strattack.programs.command_line import Options, asks_for_help, command, help_of, name_of_program, parse
from tf_strattack.programs.notices import flag_for, forget_notices, show_warnings
from tf_strattack.programs.parent import end_with_parent
from tf_strattack.programs.quiet import import_tensorflow

USAGE_ERROR = 2
INTERRUPTED = 130
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS)
# Where the program under way writes, if it has said so.
_announced: list[Path] = []


def run(main: Callable[[], None], about: str, options: Options) -> None:
    """Parses the flags and calls `main`; exits with 0, 2 (user's mistake) or 130 (Ctrl-C).

    TensorFlow is imported in between: help and flags that do not exist are answered without it. absl's own parser
    exits with 1 on a bad flag, and its help lists flags of all modules, hence the parser here.

    Args:
      main: the program.
      about: its docstring, which --help prints.
      options: its flags.
    """
    end_with_parent()

    def guarded(argv: list[str]) -> int:
        logging.set_verbosity(logging.ERROR)  # TFDS and TensorFlow narrate at lower levels
        forget_notices()
        _announced.clear()
        show_warnings()
        try:
            if len(argv) > 1:
                raise InputError(f"expected flags of the form --name=value, received {argv[1]!r}")
            import_tensorflow()
            main()
        except InputError as error:
            return _fail(str(error) + flag_for(error.option))
        except OSError as error:
            where = error.filename or "what is written"
            if error.errno in _NO_ROOM:
                return _fail(
                    f"expected room on the disk for {where}, received: {error.strerror}; the same command resumes"
                )
            if error.errno in _NO_ACCESS:
                return _fail(f"expected access to {where}, received: {error.strerror}")
            raise
        except KeyboardInterrupt:
            resume = f"; to resume {_announced[-1]}: {command(private=True)}" if _announced else ""
            print(f"interrupted{resume}", file=sys.stderr)
            return INTERRUPTED
        return 0

    def parsed(argv: list[str]) -> list[str]:
        if asks_for_help(argv[1:]):
            sys.exit(_help(options, about, argv[1:]))
        try:
            return parse(options, argv)
        except flags.Error as error:
            sys.exit(_fail(f"{error}; --help lists the flags"))

    app.run(guarded, flags_parser=parsed)


def _help(options: Options, about: str, arguments: list[str]) -> int:
    try:
        details = options.details(arguments)
    except InputError as error:
        return _fail(str(error))
    print("\n\n".join(filter(None, [help_of(options, about, name_of_program()), details])))
    return 0


def announce(directory: Path) -> None:
    """Prints where the program writes, before it starts to work; at Ctrl-C it says how to resume what is there."""
    _announced.append(directory)
    print(f"writing to {directory}", flush=True)


def require_new(path: Path, *, overwrite: bool) -> None:
    """Refuses a path that exists, be it a link that leads nowhere, unless asked to overwrite it."""
    if (path.exists() or path.is_symlink()) and not overwrite:
        raise InputError(f"expected a new file, received {path}, which exists: choose another or add --overwrite")


def tensorboard_directory(text: str | None) -> Path | None:
    """The value of --tensorboard_dir, which need not exist yet; None if there is none.

    Raises:
      InputError: TensorBoard is not installed, or no directory can be made or written there.
    """
    if text is None:
        return None
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("expected TensorBoard for --tensorboard_dir, received none: pip install tensorboard")
    path = Path(text)
    # Made later: within --output_dir it must not be there before the run.
    existing = next(place for place in (path, *path.parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InputError(f"expected --tensorboard_dir to be a directory to write in, received {text}")
    return path


def _fail(message: str) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return USAGE_ERROR
