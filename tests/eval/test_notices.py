"""Conversions are reported once per run, and numbers of flags are digits."""

import os

import pytest

from tf_strattack.programs import notices
from tf_strattack.programs.notices import forget_notices, notice, sharing
from tf_strattack.programs.numbers import whole_number


def test_a_notice_is_printed_once_a_run_in_a_line(notes):
    for text in ("grey\nimages", "grey images", "large images"):
        notice(text)
    assert notes() == ["grey images", "large images"]
    forget_notices()
    notice("grey images")
    assert notes() == ["grey images"]


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_digits_are_a_whole_number(text, number):
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "²", "٣", "１", "-1", "+1", "1.0", "1_0", " 1", "9" * 5000])
def test_what_int_refuses_or_nobody_means_is_no_whole_number(text):
    assert whole_number(text) is None


def test_a_step_does_not_say_again_what_the_program_or_another_step_has_said(notes, monkeypatch):
    notice("of the program")
    monkeypatch.setattr(os, "environ", dict(os.environ))
    environment = sharing()
    monkeypatch.setattr(os, "environ", environment)
    for texts in (("of the program", "of a step"), ("of a step", "of another")):
        monkeypatch.setattr(notices, "_said", set())  # as in a process of its own
        for text in texts:
            notice(text)
    assert notes() == ["of the program", "of a step", "of another"]
