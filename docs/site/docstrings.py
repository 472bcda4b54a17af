"""Griffe extension: docstrings as this project writes them, in the words that Griffe knows.

Its section of doctests is called Examples, an item describes one name (`lower, upper: ...` becomes one), and the
attributes of a dataclass are the parameters of its call. Formulas, which docstrings have in ASCII for `help()`, become
LaTeX, and names of classes links.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_TITLE = re.compile(r"^(\s*)Example:$", re.MULTILINE)
_ATTRIBUTES = re.compile(r"^(\s*)Attributes:$", re.MULTILINE)
_TOGETHER = re.compile(r"^(\s+)(\*{0,2}\w+(?:, \*{0,2}\w+)+): ", re.MULTILINE)
_CLASS = re.compile(r"(?<![`\w(])`((?:\w+\.)*[A-Z]\w+)`(?!`)")
# Doctests up to a blank line, and what is set in after one.
_CODE = re.compile(r"(^\s*>>>[^\n]*(?:\n(?!\s*\n)[^\n]*)*|\n\n {4}[^\n]*(?:\n {4}[^\n]*)*)", re.MULTILINE)
_DOCUMENT = re.compile(r"\bdocs/(\w+)\.md\b")

_GREEK = "alpha|beta|gamma|delta|epsilon|eta|kappa|lambda|rho|sigma|tau"
_WORDS = "threshold|radius|margin|confidence"
_NORM = r"\|\|[^|\n]+\|\|(?:_\w)?(?:\w*)(?:\^(?:\w|\([^)]*\)))?"
_SUM = r"(?:argmin_\w'?|sum_\w)"
_TERM = (
    rf"(?:{_NORM}|{_SUM}|(?:max|min)\{{[^}}]*\}}|sqrt\([^)]*\)|\w\((?:[\w+' -]+)\)|(?:{_GREEK})(?:_\w+)?\b"
    rf"|(?:{_WORDS})\b(?:\([^)]*\))?|\d+/\d+\b|[b-zL](?:_\w)?\b'?|[+/=-](?= ))"
)
# A formula has a norm or a sum, and terms around it.
_FORMULA = re.compile(rf"(?<![\w`(.'])(?:{_TERM}\s)*(?:{_NORM}|{_SUM})(?:\s{_TERM})*")
_LATEX = [
    (r"\|\|([^|]+)\|\|", r"\\lVert \1 \\rVert "),
    (r"\^\(([^)]*)\)", r"^{\1}"),
    (r"\b(\w)_hat\b", r"\\hat{\1}"),
    (r"\bargmin_(\w'?)", r"\\operatorname*{argmin}_{\1}\\, "),
    (r"\bsum_(\w)", r"\\sum_\1 "),
    (r"_inf\b", r"_\\infty "),
    (r"\{D_i\}", r"{\\mathcal{D}_i}"),
    (r"\bx0\b", "x_0"),
    (r"(max|min)\{([^}]*)\}", r"\\\1\\{\2\\}"),
    (r"sqrt\(([^)]*)\)", r"\\sqrt{\1}"),
    (rf"(?<![a-zA-Z\\])({_GREEK})(?![a-zA-Z])", r"\\\1 "),
    (rf"(?<![a-zA-Z\\])({_WORDS})(?![a-zA-Z])", r"\\text{\1}"),
    (r"(?<!\{)\b(\d+)/(\d+)\b", r"\\tfrac{\1}{\2}"),
]


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Looks at one object."""
        if obj.docstring:
            text = _TITLE.sub(r"\1Examples:", obj.docstring.value)
            if obj.is_class and "dataclass" in obj.labels | {str(d.value) for d in getattr(obj, "decorators", [])}:
                text = _ATTRIBUTES.sub(r"\1Args:", text)
            # A space that does not part words.
            text = _TOGETHER.sub(lambda m: f"{m[1]}{m[2].replace(' ', chr(0xA0))}: ", text)
            obj.docstring.value = readable(text)


def readable(text: str) -> str:
    """A docstring with formulas, and links to classes and documents, in lines that are no code."""
    parts = _CODE.split(text)
    parts[::2] = [_DOCUMENT.sub(r'<a href="../\1.html">\1</a>', _CLASS.sub(_link, _formulas(p))) for p in parts[::2]]
    return "".join(parts)


def _formulas(text: str) -> str:
    return _FORMULA.sub(_formula, text)


def _formula(found: re.Match[str]) -> str:
    formula = found[0].rstrip(" \n+-/=")
    if "||" not in formula or formula[0] in "+-/=":  # a part of something longer
        return found[0]
    return f"${latex(formula)}${found[0][len(formula) :]}"


def latex(formula: str) -> str:
    """The LaTeX of a formula in ASCII."""
    text = " ".join(formula.split())
    for pattern, meant in _LATEX:
        text = re.sub(pattern, meant, text)
    return text.strip()


def _link(found: re.Match[str]) -> str:
    name = found[1].removeprefix("sa.").removeprefix("tf_strattack.")
    return f'<autoref identifier="tf_strattack.{name}" optional><code>{found[1]}</code></autoref>'
