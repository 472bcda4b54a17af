"""Notes of the tests of inputs, and a generation."""

import pytest

from tests.programs import WEAK, server_of
from tf_strattack.programs.notices import forget_notices

SMALL = ("--num_images=20", "--shard_size=8", "--targets=random:2", WEAK)  # five shards


@pytest.fixture
def notes(capsys):
    """Returns what has been reported since the last call, a text each."""
    forget_notices()

    def read():
        lines = capsys.readouterr().err.splitlines()
        assert all(line.startswith("note: ") for line in lines)
        return [line.removeprefix("note: ") for line in lines]

    return read


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """An uninterrupted generation of 8-bit images in all formats, with PNG files."""
    directory = tmp_path_factory.mktemp("whole")
    arguments = [*SMALL, "--quantize=uint8", "--format=tfds,parquet"]
    arguments += [f"--output_dir={directory / 'out'}", f"--png_dir={directory / 'png'}"]
    status, out, err = server_of("eval.generate").run(*arguments)
    assert status == 0, err
    return directory, arguments, out
