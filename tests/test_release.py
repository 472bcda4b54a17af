"""What a release has in several files agrees."""

import re
from pathlib import Path

import tf_strattack as sa

ROOT = Path(__file__).parent.parent


def test_the_version_is_the_same_everywhere():
    citation, changes = (ROOT / "CITATION.cff").read_text(), (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"^version: (.+)$", citation, re.MULTILINE) == [sa.__version__]
    headings = [heading for heading in re.findall(r"^## (\S+)", changes, re.MULTILINE) if heading != "Unreleased"]
    assert headings[0] == sa.__version__


def test_no_keras_is_admitted_whose_safe_mode_a_file_can_get_round():
    lowest = re.findall(r"^keras>=(\d+)\.(\d+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[0]
    assert tuple(map(int, lowest)) >= (3, 12), "SECURITY.md names the reports"
