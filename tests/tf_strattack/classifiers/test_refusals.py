"""Every mistake gets its line, and what the line advises works; docs/models.md has what is tested here, and no more."""

import re

import pytest

import tf_strattack as sa
from tests.programs import ROOT
from tests.tf_strattack.classifiers.networks import CASES
from tests.tf_strattack.classifiers.refusals import REFUSALS

PAGE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
# Names in the last column → the quoted words of the row.
ROWS = [
    (re.findall(r"`([\w.]+)`", tests), re.findall(r'"([^"]{12,})"', happens))
    for happens, tests in re.findall(r"^\| .*? \| (.*) \| (`.*) \|$", PAGE, re.MULTILINE)
]

pytestmark = pytest.mark.filterwarnings("ignore::tf_strattack.errors.InputWarning")


@pytest.mark.parametrize("name", REFUSALS)
def test_a_mistake_is_reported_in_one_line_whose_remedy_works(name, tmp_path):
    mistake, words, remedy = REFUSALS[name]
    with pytest.raises(sa.InputError) as error:
        mistake(tmp_path)
    message = str(error.value)
    assert words in message
    assert message.startswith("expected ")
    assert "\n" not in message
    assert "Exception encountered" not in message
    for tests, quoted in ROWS:
        if name in tests:
            assert not quoted or any(words in message for words in quoted), quoted
    if remedy is not None:
        remedy(tmp_path)


def test_every_row_of_the_page_names_its_tests_and_every_mistake_is_on_it():
    named = [name for tests, _ in ROWS for name in tests]
    files = {path.name for path in (ROOT / "tests" / "tf_strattack").rglob("test_*.py")}
    optional = {"file_that_only_keras_2_reads", "model_of_keras_2"}  # where tf_keras is installed
    assert len(ROWS) > 30
    assert set(named) <= {*CASES, *REFUSALS, *files, *optional}
    apart = {"bounds_by_channel", "preprocessing_that_is_no_function"}  # in the table of options
    assert set(REFUSALS) - apart <= set(named)
