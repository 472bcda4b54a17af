"""Shares in per cent, as tables, pictures and lines show them."""

from __future__ import annotations


def percent(share: float, decimals: int = 1) -> str:
    """The number of a share in per cent, rounded, but to 0 or 100 only if it is that.

    Args:
      share: in [0, 1].
      decimals: digits after the point.

    Example:
      >>> from tf_strattack.percent import percent
      >>> percent(8999 / 9000), percent(1.0), percent(0.0004, 0), percent(0.625, 0)
      ('99.9', '100.0', '1', '62')
    """
    least = 10.0**-decimals
    value = 100.0 * share
    if 0.0 < share < 1.0:
        value = min(max(value, least), 100.0 - least)
    return f"{value:.{decimals}f}"
