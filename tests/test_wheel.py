"""What is installed: the whole library and nothing else, and it runs where there is no checkout."""

import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile

import pytest

from tests.documents import examples_in
from tests.programs import ROOT
from tf_strattack.shipped import NETWORKS

# What a build reads, and what must not get into it. Not build/ and *.egg-info, which may be those of older sources.
SOURCES = (
    "setup.py",
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-docs.txt",
    "tf_strattack",
    "tests",
    "eval",
    "training",
)


def succeed(*command, cwd):
    done = subprocess.run([*map(str, command)], cwd=cwd, text=True, capture_output=True, check=False, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The directory of a source distribution, and of the wheel that was built from it."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, checkout / name)
    succeed(sys.executable, "-m", "build", "--no-isolation", "--outdir=dist", cwd=checkout)
    return checkout / "dist"


def test_the_wheel_is_the_library_with_what_is_shipped_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = (path for path in (ROOT / "tf_strattack").rglob("*") if path.is_file())
    assert files == {str(path.relative_to(ROOT)) for path in package if "__pycache__" not in path.parts}
    networks = {f"shipped/{name}{suffix}" for name in NETWORKS for suffix in (".keras", ".json")}
    assert {f"tf_strattack/{name}" for name in {"py.typed", "shipped/mnist_sample.npz", *networks}} <= files


def test_the_wheel_says_what_it_needs(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        lines = archive.read(metadata).decode().splitlines()
        assert any(name.endswith("/licenses/LICENSE") for name in archive.namelist())
    needed = {
        re.split(r"[<>=! ]", line.removeprefix("Requires-Dist: "))[0] for line in lines if "Requires-Dist" in line
    }
    requirements = (ROOT / "requirements.txt").read_text().splitlines()
    assert needed >= {line.split(">=")[0] for line in requirements if not line.startswith("#")}
    assert "Requires-Python: >=3.11" in lines


def test_the_source_distribution_has_the_library_and_what_its_build_reads(built):
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        files = {name.partition("/")[2].split("/")[0] for name in archive.getnames()}
    made = {"", "PKG-INFO", "setup.cfg", "tf_strattack.egg-info"}
    assert files - made == set(SOURCES) - {"tests", "eval", "training"}


@pytest.mark.slow
def test_the_readme_s_examples_run_where_only_the_wheel_is_installed(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    succeed(python, "-m", "pip", "install", "--quiet", wheel, cwd=elsewhere)
    printed = []
    for example in (examples_in("README.md")[i] for i in (0, 2)):
        script = elsewhere / "example.py"
        script.write_text(f"{example}\nprint(sa.__file__)\n")
        *lines, place = succeed(python, "-I", script, cwd=elsewhere).splitlines()
        assert place.startswith(str(tmp_path / "venv"))
        printed.append("\n".join(lines))
    attacked, scored = printed
    assert "8 of 8 successful" in attacked
    changed, size = map(int, re.findall(r"changed entries: (\d+) of (\d+)", attacked)[0])
    assert 0 < changed < size == 784
    scores = [float(number) for number in re.findall(r"\d\.\d+", scored)]
    assert len(scores) == 8
    assert all(0.05 < score <= 1 for score in scores)
