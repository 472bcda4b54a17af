"""The exception for a caller's mistake, and the warning about conversions and guesses."""

from __future__ import annotations


class InputError(ValueError):
    """A value from the caller cannot be used; the message says what was expected and received.

    It is a `ValueError`, so code that catches that keeps working. Programs catch this one, print its message in one
    line and exit with status 2; every other exception shows its traceback.

    Attributes:
      option: the argument of `Classifier` that the message advises, so that programs can name the flag for it.
    """

    # TensorFlow's AutoGraph then passes it unchanged out of a tf.function, without a traceback of many lines.
    ag_pass_through = True

    def __init__(self, message: str, *, option: str | None = None) -> None:
        """Makes the error, in one line."""
        super().__init__(message)
        self.option = option


class InputWarning(UserWarning):
    """A value from the caller was converted, or interpreted by a guess; the message says how.

    Programs print it as a note; other warnings appear as in Python.

    Attributes:
      option: the argument of `Classifier` that the message advises, as in `InputError`.
    """

    def __init__(self, message: str, option: str | None = None) -> None:
        """Makes the warning, in one line."""
        super().__init__(message)
        self.option = option
