"""The presentations of an AttackResult: one line, a small table, numbers, a data frame."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_strattack import metrics
from tf_strattack.percent import percent

if TYPE_CHECKING:
    import pandas

    from tf_strattack.result import AttackResult

# No colours: the page has its own, light or dark.
_TABLE = "border-collapse: collapse; font-variant-numeric: tabular-nums"
_NAME, _VALUE = "text-align: left; font-weight: normal; padding: 0.1em 1.5em 0.1em 0", "text-align: right"


def one_line(result: AttackResult) -> str:
    """The attack, the number of examples, and how many succeeded."""
    examples = f"{len(result)} example{'' if len(result) == 1 else 's'}"
    name = [repr(result.attack["name"])] if "name" in result.attack else []
    interrupted = ["interrupted"] if result.interrupted else []
    parts = [examples, f"{int(result.success.sum())} successful", *name, _goal(result), *interrupted]
    return f"AttackResult({', '.join(parts)})"


def html_table(result: AttackResult) -> str:
    """The values of `summarise` as a table, for notebooks."""
    found = summarise(result)
    share = "" if found["asr"] is None else f" ({percent(found['asr'])}%)"
    rows = {
        "attack": f"{result.attack.get('name', 'unknown')}, {_goal(result)}",
        "examples": f"{found['examples']}{', interrupted' if result.interrupted else ''}",
        "successful": f"{found['successes']}{share}",
        **{f"mean {name} of the successful": _number(found[name]) for name in metrics.DISTANCES},
        "gradients per example": _number(found["gradient_evaluations"]),
        "forward passes per example": _number(found["forward_evaluations"]),
        "seconds per example": _number(found["seconds"]),
    }
    cells = "".join(
        f'<tr><th scope="row" style="{_NAME}">{name}</th><td style="{_VALUE}">{html.escape(value)}</td></tr>'
        for name, value in rows.items()
    )
    return f'<table style="{_TABLE}"><tbody>{cells}</tbody></table>'


def summarise(result: AttackResult) -> dict[str, int | float | None]:
    """The numbers of `AttackResult.summary`."""
    delta = result.delta
    found = metrics.mean_over_successes(result.success, {name: of(delta) for name, of in metrics.DISTANCES.items()})
    costs = {name: getattr(result, name) for name in ("gradient_evaluations", "forward_evaluations", "seconds")}
    return {
        "examples": len(result),
        "successes": int(result.success.sum()),
        "asr": found["asr"],
        **{name: found[name] for name in metrics.DISTANCES},
        **{name: float(cost.mean(dtype=np.float64)) if len(cost) else None for name, cost in costs.items()},
    }


def data_frame(result: AttackResult) -> pandas.DataFrame:
    """The rows of `AttackResult.to_pandas`."""
    pandas = required_pandas()
    delta = result.delta
    targets: Any = pandas.NA if result.targets is None else result.targets
    columns: dict[str, Any] = {
        "label": result.labels,
        "target": pandas.Series(targets, index=range(len(result)), dtype="Int32"),
        "success": result.success,
        "clean_correct": result.clean_correct,
        # A failed example has its original as image: a distance of 0 would be misleading.
        **{name: np.where(result.success, of(delta), np.nan) for name, of in metrics.DISTANCES.items()},
        **{name: getattr(result, name) for name in ("c", "gradient_evaluations", "forward_evaluations", "seconds")},
    }
    ids = {} if result.example_ids is None else {"example_id": result.example_ids}
    return pandas.DataFrame({**ids, **columns})


def required_pandas() -> Any:
    """The module pandas.

    Raises:
      ImportError: it is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError(f"expected pandas, received none ({error}): pip install tf-strattack[pandas]") from error
    return pandas


def _goal(result: AttackResult) -> str:
    return "untargeted" if result.targets is None else "targeted"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
