"""The exception for a caller's mistake, and the warning for what a caller should know."""

from __future__ import annotations


class InputError(ValueError):
    """A value from the caller cannot be used; the message says what was expected and received.

    A `ValueError`, so code that catches that keeps working; programs catch this one, print its
    message in one line and exit with status 2, and let every other exception show its traceback.

    Attributes:
      option: the argument of `Classifier` that the message advises, so that programs can name the flag for it.
    """

    # TensorFlow's AutoGraph passes it on as it is, in place of a traceback of many lines, out of a tf.function.
    ag_pass_through = True

    def __init__(self, message: str, *, option: str | None = None) -> None:
        """Makes the error of one line."""
        super().__init__(message)
        self.option = option


class InputWarning(UserWarning):
    """Something that the caller passed is converted, or taken for what it may not be; the message says how.

    Programs print it as a note, and other warnings as Python does.

    Attributes:
      option: the argument of `Classifier` that the message advises, as of `InputError`.
    """

    def __init__(self, message: str, option: str | None = None) -> None:
        """Makes the warning of one line."""
        super().__init__(message)
        self.option = option
