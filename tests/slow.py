"""Which parameters of a test `make test` tries, and which are left to `make test-slow`."""

import pytest


def first_quick(values, count=1):
    """Values for `parametrize`, of which all but the first `count` are marked as slow."""

    def slow(value):
        return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.slow)

    values = list(values)
    return values[:count] + [slow(value) for value in values[count:]]
