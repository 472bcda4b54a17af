"""The flags of a program, and the help that lists them."""

from __future__ import annotations

import dataclasses
import inspect
import os
import shlex
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from absl import flags

from tf_strattack.programs.modules import called

_WIDTH, _INDENT = 96, 6
_HELP = ("-h", "--h", "-help", "--help", "--helpfull", "--helpshort")
_OTHER = {
    "--flagfile=FILE": "Reads flags from a file, one per line, as they are written here; # begins a comment.",
    "-h, --help": "Prints this text.",
}

Holder = flags.FlagHolder[Any]


@dataclasses.dataclass(frozen=True)
class Options:
    """The command line of a program.

    Attributes:
      groups: the flags, by their headings in the help. Other flags are refused.
      defaults: default values, by name, that differ from those of the shared flags.
      details: a function that makes further text of the help from the arguments; None for no further text.
    """

    groups: Mapping[str, Sequence[Holder]]
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    details: Callable[[Sequence[str]], str | None] = lambda arguments: None

    @property
    def holders(self) -> list[Holder]:
        """The flags, in the order of the groups."""
        return [holder for group in self.groups.values() for holder in group]


def asks_for_help(arguments: Iterable[str]) -> bool:
    """Whether the arguments of a program request its help."""
    return any(argument in _HELP for argument in arguments)


def parse(options: Options, argv: list[str]) -> list[str]:
    """Sets the flags of a program from its command line; returns the other arguments.

    Raises:
      flags.Error: an unknown flag, or a value that does not fit.
      ValueError: a value of --noFLAG.
    """
    every = flags.FLAGS
    own = flags.FlagValues()
    for name in (holder.name for holder in options.holders):
        own[name] = every[name]
    for name, value in options.defaults.items():
        every.set_default(name, value)
    try:
        rest: list[str] = own([_with_home(argument) for argument in argv])
    except flags.IllegalFlagValueError as error:
        raise flags.IllegalFlagValueError(_refusal(error, own)) from error
    every.mark_as_parsed()
    return rest


def _refusal(error: flags.IllegalFlagValueError, own: flags.FlagValues) -> str:
    """What absl says of a value that does not fit, as the programs say it: what was expected, what was received."""
    said, reason = str(error), f": {error.__context__}"  # "flag --NAME=VALUE: REASON"
    name, equals, value = said.removeprefix("flag --").removesuffix(reason).partition("=")
    parser = own[name].parser if equals and name in own and said.endswith(reason) else None
    if isinstance(parser, flags.EnumParser):
        expected = f"one of {', '.join(parser.enum_values)}"
    elif isinstance(parser, flags.IntegerParser):
        expected = _in_words(parser.syntactic_help.removeprefix("an "), "integer", "whole number")
    elif isinstance(parser, flags.FloatParser):
        expected = _in_words(parser.syntactic_help, "number", "number")
    elif isinstance(parser, flags.BooleanParser):
        expected = "true or false"
    else:
        return said
    return f"expected --{name} to be {expected}, received {value!r}"


def _in_words(said: str, theirs: str, ours: str) -> str:
    """What absl says of the numbers that a flag takes; where only one of their bounds is given, it is in signs."""
    words = said.replace(theirs, ours).replace(">=", "of at least").replace("<=", "of at most")
    return words if words.startswith("a ") else f"a {words}"


def _with_home(argument: str) -> str:
    """An argument whose value begins with ~/, which a shell leaves as it is after =, with the home directory."""
    name, equals, value = argument.partition("=")
    return f"{name}={os.path.expanduser(value)}" if equals and (value == "~" or value.startswith("~/")) else argument


def help_of(options: Options, about: str, name: str) -> str:
    """The text of --help.

    Args:
      options: the options of the program.
      about: the docstring of the program.
      name: the name by which it is called.
    """
    parts = [inspect.cleandoc(about), f"Usage: {name} [--FLAG=VALUE ...]"]
    for heading, holders in options.groups.items():
        lines = [_describe(flags.FLAGS[holder.name], options.defaults) for holder in holders]
        parts.append("\n".join([f"{heading}:", *lines]))
    other = [_entry(flag, text) for flag, text in _OTHER.items()]
    return "\n\n".join([*parts, "\n".join(["Other:", *other])])


def command(*, private: bool = False) -> str:
    """The command line, to be recorded next to its results; --data_dir, which differs between users, becomes DIR.

    It has only the flags that were given, in the order of their names. An absolute path is reduced to its last part,
    which says what it is and not whose; with `private` it is kept, so that the command can be repeated here.
    """
    hidden = () if private else ("data_dir",)
    shown = str if private else public_name
    given = {
        flag.name: f"--{flag.name}=DIR"
        if flag.name in hidden
        else shlex.join(shown(line) for line in flag.serialize().splitlines())
        if flag.name != "output" or private
        else public_name(flag.serialize(), parts=2)  # the folder shows the run in which a network was trained
        for flags_of_module in flags.FLAGS.flags_by_module_dict().values()
        for flag in flags_of_module
        if flag.present
    }
    return " ".join([name_of_program(), *(given[name] for name in sorted(given))])


def public_name(text: str, parts: int = 1) -> str:
    """The last `parts` of an absolute path, alone or as the value of a flag; other texts as they are."""
    name, equals, value = text.rpartition("=")
    return f"{name}{equals}{'/'.join(PurePath(value).parts[-parts:])}" if value.startswith("/") else text


def name_of_program() -> str:
    """The name of the running program: `strattack attack` if installed, else `python -m eval.attack`."""
    if sys.argv[0].startswith("strattack "):
        return sys.argv[0]
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return called(sys.argv[0] if spec is None else spec.name)


def _describe(flag: flags.Flag[Any], defaults: Mapping[str, Any]) -> str:
    default = defaults.get(flag.name, flag.default)
    if isinstance(flag, flags.BooleanFlag):
        name, value = f"--[no]{flag.name}", ""
    elif flag.boolean:  # its value can be left out
        name, value = f"--{flag.name}[=NAME]", ""
    else:
        text = ",".join(map(str, default)) if isinstance(default, list | tuple) else default
        name, value = f"--{flag.name}", "" if text in (None, "") else f"={text}"
    return _entry(name + value, " ".join(str(flag.help).split()))


def _entry(name: str, text: str) -> str:
    indent = " " * _INDENT
    return f"  {name}\n" + textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)
