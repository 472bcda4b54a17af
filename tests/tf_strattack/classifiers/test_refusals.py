"""Every mistake gets its line, and what the line advises works."""

import pytest

import tf_strattack as sa
from tests.tf_strattack.classifiers.refusals import REFUSALS

pytestmark = pytest.mark.filterwarnings("ignore::tf_strattack.errors.InputWarning")


@pytest.mark.parametrize("name", REFUSALS)
def test_a_mistake_is_told_in_one_line_whose_remedy_works(name, tmp_path):
    mistake, words, remedy = REFUSALS[name]
    with pytest.raises(sa.InputError) as error:
        mistake(tmp_path)
    message = str(error.value)
    assert words in message
    assert message.startswith("expected ")
    assert "\n" not in message
    assert "Exception encountered" not in message
    if remedy is not None:
        remedy(tmp_path)
