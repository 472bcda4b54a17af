"""An attack that runs in no time, and what the library reports meanwhile."""

import warnings

import tf_strattack as sa

ATTACK = sa.FGM(norm="l2")


def notes_of(function):
    """What `function` returns, and what the library reported meanwhile."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function()
    return result, [str(one.message) for one in caught if issubclass(one.category, sa.InputWarning)]
