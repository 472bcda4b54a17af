"""The start and end of every program: flags, and one line and status 2 for a user's mistake."""

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
from tf_strattack.programs.interrupts import INTERRUPTED, wait_for_python
from tf_strattack.programs.notices import flag_for, forget_notices, show_warnings
from tf_strattack.programs.parent import end_with_parent
from tf_strattack.programs.silence_tensorflow import import_tensorflow
from tf_strattack.programs.streams import lenient_streams, printable
from tf_strattack.programs.unexpected import about_unexpected

USAGE_ERROR, UNEXPECTED = 2, 1
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Texts longer than any file name or path are cut in messages.
_LONG = 400
# The directory of the running program, once announced.
_announced: list[Path] = []


def run(main: Callable[[], int | None], about: str, options: Options) -> None:
    """Parses the flags and calls `main`; exits with what it returns, or 0 for None.

    Other ends: 2 for a user's mistake, 130 for Ctrl-C, 1 for an error of our own.

    TensorFlow is imported in between: help and unknown flags do not need it. The parser of absl exits with 1 on a bad
    flag, and its help lists flags of all modules, hence the parser here.

    Args:
      main: the program.
      about: its docstring, for --help.
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
            _check_keras()
            wait_for_python()
            status = main() or 0
        except InputError as error:
            return _fail(str(error) + flag_for(error.option))
        except OSError as error:
            return _fail(_about_files(error))
        except KeyboardInterrupt:
            resume = f"; to resume {_announced[-1]}: {command(private=True)}" if _announced else ""
            print(printable(f"interrupted{resume}"), file=sys.stderr)
            return INTERRUPTED
        except SystemExit as error:
            if error.code:
                raise
            # An attack or a model of the user's own; a pipeline must not take it for success.
            _fail("expected the program to reach its end, received an exit with status 0 from code that it called")
            return UNEXPECTED
        except BaseException as error:  # code of the user's own can raise anything
            _fail(about_unexpected(error))
            return UNEXPECTED
        return status

    with lenient_streams():
        app.run(guarded, flags_parser=lambda argv: _parsed(argv, about, options))


def _parsed(argv: list[str], about: str, options: Options) -> list[str]:
    """Sets the flags and returns the other arguments. Ends the process for help, or for a bad flag."""
    if asks_for_help(argv[1:]):
        sys.exit(_help(options, about, argv[1:]))
    try:
        _require_text(argv)
        return parse(options, argv)
    except (flags.CantOpenFlagFileError, UnicodeDecodeError, OSError) as error:
        sys.exit(_fail(f"expected --flagfile to be a text file in UTF-8, received: {error}"))
    except InputError as error:
        sys.exit(_fail(str(error)))
    except (flags.Error, ValueError) as error:
        sys.exit(_fail(f"{error}; --help lists the flags"))


def _check_keras() -> None:
    """Refuses another backend of Keras, before a program loads or downloads anything; it may not be installed."""
    try:
        from tf_strattack.classifiers.backend import check_backend
    except (ImportError, ValueError) as error:
        if getattr(error, "name", None) == "keras":
            raise
        raise InputError(
            f"expected Keras on its TensorFlow backend, received another one ({error}): set KERAS_BACKEND=tensorflow"
        ) from error
    check_backend()


def _require_text(argv: list[str]) -> None:
    """Refuses arguments that are not text: records, reports and TensorFlow's files could not name such a path."""
    for argument in argv[1:]:
        if any("\ud800" <= c <= "\udfff" for c in argument):
            name = argument.partition("=")[0]
            raise InputError(f"expected {name} in UTF-8, received {argument!r}: rename the file or folder")


def _about_files(error: OSError) -> str:
    """The refusal of the operating system, with the file."""
    where = error.filename2 or error.filename or (_announced[-1] if _announced else "what is read or written")
    said = error.strerror or str(error)
    if error.errno in _NO_ROOM:
        return f"not enough room on the disk for {where}: {said}; free some, and run the same command to resume"
    return f"expected {_shortened(str(where))} to be a file or folder that can be used, received: {said}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG // 2]}...{text[-_LONG // 2 :]}"


def _help(options: Options, about: str, arguments: list[str]) -> int:
    try:
        details = options.details(arguments)
    except InputError as error:
        return _fail(str(error))
    print("\n\n".join(filter(None, [help_of(options, about, name_of_program()), details])))
    return 0


def announce(directory: Path) -> None:
    """Prints the directory of the program before work starts; at Ctrl-C the program says how to resume."""
    _announced.append(directory)
    print(printable(f"writing to {directory}"), flush=True)


def require_new(path: Path, *, overwrite: bool) -> None:
    """Refuses a path that exists, even as a broken link, unless `overwrite` is set."""
    if (path.exists() or path.is_symlink()) and not overwrite:
        raise InputError(f"expected a new file, received {path}, which exists: choose another or add --overwrite")


def tensorboard_directory(text: str | None) -> Path | None:
    """The value of --tensorboard_dir, which need not exist yet; None if there is none.

    Raises:
      InputError: TensorBoard is not installed, or the directory cannot be made or written.
    """
    if text is None:
        return None
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("expected TensorBoard for --tensorboard_dir, received none: pip install tensorboard")
    path = Path(text)
    # Made later: within --output_dir it must not exist before the run.
    existing = next(place for place in (path, *path.parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InputError(f"expected --tensorboard_dir to be a directory to write in, received {text}")
    return path


def _fail(message: str) -> int:
    words = (_shortened(word) for word in printable(message).split())
    print("error: " + " ".join(words), file=sys.stderr)
    return USAGE_ERROR
