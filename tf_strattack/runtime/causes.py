"""Errors of other libraries: the one line that names the cause, and whether memory ran out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_strattack.errors import InputError

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# The start of the arguments of the failed call, which Keras prints after the cause.
_ARGUMENTS = ("Arguments received by", "Call arguments received by")
# Lines before the cause: which layer was called, where in the code, which node of a graph.
_PREFACES = (
    "Exception encountered when calling",
    "in user code:",
    'File "',
    "Graph execution error",
    "Detected at node",
    "Traceback (most recent call last)",
    "[[{{node",
    "<stack traces",
    "Stack trace for op definition",
)
_RAISED = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?[A-Za-z_]*(?:Error|Exception): (?P<said>.*)$")
# The message of Keras for every layer that it cannot load, whatever the reason.
_WRAPPED = "could not be deserialized properly"
# The message of an error of this library that Python code within a graph has raised.
_OWN = re.compile(rf"^(?:[\w.]+\.)?{InputError.__name__}: ", re.MULTILINE)
_NODE = re.compile(r"\{\{(?:function_)?node [^}]*\}\}\s*")
_OPERATION = re.compile(r"\s*\[Op:[^\]]*\].*$")


def cause_of(error: BaseException) -> str:
    r"""The line of an error's message that names the cause, for a message of one line.

    Keras and TensorFlow put it between the names of the layers that were being called and their arguments, in colour,
    or at the end of a traceback of the user's code.

    Example:
      >>> cause_of(ValueError("Exception encountered when calling Dense.call().\n\nShapes differ."))
      'Shapes differ.'
    """
    if "allow_pickle" in str(error):  # NumPy's advice on any file that is not its own
        return "no arrays of NumPy, or arrays of Python objects"
    earlier = error.__cause__ or error.__context__
    if earlier is not None and _WRAPPED in str(error):
        return cause_of(earlier)
    lines = [line.strip() for line in _COLOURS.sub("", str(error)).splitlines()]
    end = next((place for place, line in enumerate(lines) if line.startswith(_ARGUMENTS)), len(lines))
    lines = lines[:end]
    raised = [place for place, line in enumerate(lines) if _RAISED.match(line)]
    if raised:  # the last of a traceback
        match = _RAISED.match(lines[raised[-1]])
        lines = [match["said"] if match else "", *lines[raised[-1] + 1 :]]
    said = [_plain(line) for line in lines if line and not line.startswith(_PREFACES)]
    said = [line for line in said if line]
    if not said:
        return type(error).__name__
    # If a graph failed, the cause comes last, after the code that made the node.
    return said[-1] if "Graph execution error" in str(error) else said[0]


def _plain(line: str) -> str:
    return _OPERATION.sub("", _NODE.sub("", line)).strip()


def out_of_memory(error: Exception) -> bool:
    """Whether TensorFlow or NumPy ran out of memory."""
    exhausted = isinstance(error, tf.errors.ResourceExhaustedError | MemoryError)
    return exhausted or (isinstance(error, tf.errors.InternalError) and "out of memory" in str(error).lower())


def in_one_line(program: Callable[..., Any]) -> Callable[..., Any]:
    """The same program of a network; if Python code within it raises an error, that becomes an `InputError`."""

    def called(*arguments: Any) -> Any:
        try:
            return program(*arguments)
        except tf.errors.OpError as error:
            if "Traceback (most recent call last)" not in error.message or out_of_memory(error):
                raise
            cause = cause_of(error)
            own = _OWN.search(error.message) is not None
            raise InputError(cause if own else f"expected a network without errors, received: {cause}") from error

    return called
