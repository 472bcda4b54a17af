"""The documents of the checkout, for tests that run what they print."""

import re

from tests.programs import ROOT


def examples_in(document):
    """The Python code that `document`, by its path in the checkout, prints."""
    return re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
