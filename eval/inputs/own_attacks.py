"""`--attack=package.module:ClassName`: an attack of the user's own."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import inspect
import json
import os
import sys
from pathlib import Path

from tf_strattack import Attack, InputError

# The packages from which a class of the user's own derives.
_NOT_OWN = ("tf_strattack", "abc", "typing")


def is_own(name: str) -> bool:
    """Whether `name` is that of a class of the user's own."""
    return ":" in name


def load_attack(name: str) -> type[Attack]:
    """The class that "package.module:ClassName" names; modules in the present directory are found, too.

    Raises:
      InputError: no such module or class, or a class that is no attack.
    """
    module_name, _, class_name = name.partition(":")
    expected = "expected --attack=package.module:ClassName"
    here = os.getcwd()
    if here not in sys.path:  # as `python -m` has it; the command strattack does not
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # a user's module can raise anything
        raise InputError(
            f"{expected} with a module that can be imported, received {name!r}: {_said(error)}; "
            f"{_remedy(module_name, error)}"
        ) from error
    kind = getattr(module, class_name, None)
    if kind is None:
        known = ", ".join(text for text, value in vars(module).items() if _is_attack(value)) or "none"
        raise InputError(f"{expected} with a class of {module_name} ({known}), received {name!r}")
    if not _is_attack(kind):
        raise InputError(f"{expected} with a dataclass that derives from tf_strattack.Attack, received {name!r}")
    found: type[Attack] = kind
    return found


def check_recordable(name: str, attack: Attack) -> None:
    """Refuses hyper-parameters of the attack `name` that JSON does not hold: they are recorded.

    Raises:
      InputError: there is one.
    """
    for field, value in attack.hyper_parameters.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise InputError(
                f"expected fields of {name} that JSON holds, such as numbers and text, received {field}={value!r}"
            ) from None


def version_of(attack: Attack) -> str:
    """A text that changes with the sources of the classes of `attack` that are not of the library; "" without any."""
    digest = hashlib.sha256()
    own = [kind for kind in type(attack).__mro__[:-1] if kind.__module__.partition(".")[0] not in _NOT_OWN]
    for kind in own:
        source = _source(kind)
        digest.update(f"{kind.__qualname__}\n".encode() + source)
    return f" {type(attack).__module__} {digest.hexdigest()[:16]}" if own else ""


def _source(kind: type) -> bytes:
    """The source file of a class; nothing for one without, such as a built-in class."""
    try:
        path = inspect.getsourcefile(kind)
    except TypeError:
        return b""
    return Path(path).read_bytes() if path and Path(path).is_file() else b""


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"


def _remedy(module_name: str, error: BaseException) -> str:
    """How to have the module found, or what is wrong within it."""
    plain = module_name.removesuffix(".py").strip("./").replace("/", ".")
    if plain and plain != module_name:
        return f"write the name of the module and not of its file: {plain}:ClassName"
    missing = isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}.")
    if missing or not plain:
        return "run the program in the directory of the module, or add that to PYTHONPATH"
    return f"the module was found; python -c 'import {module_name}' shows all of the error"


def _is_attack(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, Attack) and dataclasses.is_dataclass(value)
