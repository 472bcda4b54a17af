"""Fixtures of the tests of inputs."""

import pytest

from tf_strattack.programs.notices import forget_notices


@pytest.fixture
def notes(capsys):
    """Returns what has been reported since the last call, a text each."""
    forget_notices()

    def read():
        lines = capsys.readouterr().err.splitlines()
        assert all(line.startswith("note: ") for line in lines)
        return [line.removeprefix("note: ") for line in lines]

    return read
