"""No program takes a directory of others for its own, whatever the flags."""

import pytest

from tests.directories import OTHERS, contents, lay
from tests.programs import check_mistakes
from tests.slow import first_quick

# What others may have in a directory that one of these programs is given by mistake.
KINDS = ("hugging_face", "project", "version_0.2.0", "cut_off", "text")
QUICK = "--num_images=2"
# Program → arguments that come as far as its directory.
PROGRAMS = [
    ("eval.attack", "output_dir", [QUICK]),
    (
        "eval.imagenet",
        "output_dir",
        [QUICK, "--model=mnist_cnn", "--dataset=sample", "--targets=random", "--groups=squares:2"],
    ),
    ("eval.generate", "output_dir", [QUICK]),
    ("eval.generate", "png_dir", [QUICK, "--quantize=uint8"]),
    ("eval.table1", "output_dir", [QUICK]),
    ("eval.interpretability", "output_dir", [QUICK]),
    ("eval.defenses", "output_dir", [QUICK]),
    ("eval.benchmark", "output_dir", ["--nets=mnist_cnn", "--sections=floor"]),
]


@pytest.mark.parametrize(("program", "flag", "arguments"), first_quick(PROGRAMS, 2))
def test_a_directory_of_others_is_refused_and_stays_as_it_is(program, flag, arguments, tmp_path):
    elsewhere = [] if flag == "output_dir" else [f"--output_dir={tmp_path / 'out'}"]
    mistakes = []
    for kind in KINDS:
        lay(tmp_path / kind, OTHERS[kind])
        given = [*arguments, *elsewhere, f"--{flag}={tmp_path / kind}", "--overwrite"]
        mistakes.append((given, f"expected --{flag} to be new, empty or a run of these programs, received"))
    before = contents(tmp_path)
    check_mistakes(program, mistakes)
    assert contents(tmp_path) == before
