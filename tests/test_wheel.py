"""What is installed: the whole library and nothing else, and it runs where there is no checkout."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile

import pytest

from tests.documents import examples_in
from tests.programs import PATIENCE, ROOT
from tf_strattack.shipped import NETWORKS

# What a build reads, and what must not get into it. Not build/ and *.egg-info, which may be those of older sources.
FOLDERS = ("tf_strattack", "eval", "training")
SOURCES = (
    "CITATION.cff",
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
    done = subprocess.run([*map(str, command)], cwd=cwd, text=True, capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def required():
    """The requirements of the library, and the further ones of the programs, by requirements.txt."""
    for part in (ROOT / "requirements.txt").read_text().split("# The programs"):
        yield [line.split(">=")[0] for line in part.splitlines() if ">=" in line and not line.startswith("#")]


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
    package = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    within = {str(path.relative_to(ROOT)) for path in package if "__pycache__" not in path.parts}
    assert files == {name if name.startswith("tf_strattack/") else f"tf_strattack/{name}" for name in within}
    networks = {f"shipped/{name}{suffix}" for name in NETWORKS for suffix in (".keras", ".json")}
    assert {f"tf_strattack/{name}" for name in {"py.typed", "shipped/mnist_sample.npz", *networks}} <= files


def test_the_wheel_says_what_it_needs(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        lines = archive.read(metadata).decode().splitlines()
        assert any(name.endswith("/licenses/LICENSE") for name in archive.namelist())
    needed = [
        (re.split(r"[<>=!; ]", line.removeprefix("Requires-Dist: "))[0], line)
        for line in lines
        if line.startswith("Requires-Dist: ")
    ]
    always = {name for name, line in needed if "extra ==" not in line}
    library, programs = (set(names) for names in required())
    assert always == library
    assert {name for name, line in needed if 'extra == "programs"' in line} == programs
    assert "Author: The tf_strattack developers" in lines
    assert any(line.startswith("Project-URL: ") for line in lines)
    assert "Requires-Python: >=3.11" in lines


def test_the_wheel_says_which_classes_are_for_maite(built):
    (wheel,) = built.glob("*.whl")
    (found,) = importlib.metadata.distributions(name="tf-strattack", path=[str(wheel)])
    groups = {entry.group for entry in found.entry_points} - {"console_scripts"}
    assert groups == {f"maite.protocols.image_classification.{protocol}" for protocol in ("Augmentation", "Model")}
    for entry in found.entry_points:
        if entry.group in groups:
            assert entry.name == f"tf_strattack_{entry.load().__name__}"


def test_the_source_distribution_has_the_library_and_what_its_build_reads(built):
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        files = {name.partition("/")[2].split("/")[0] for name in archive.getnames()}
    made = {"", "PKG-INFO", "setup.cfg", "tf_strattack.egg-info"}
    assert files - made == set(SOURCES) - {"tests"}


@pytest.mark.slow
def test_the_readme_s_examples_run_where_only_the_wheel_is_installed(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    succeed(python, "-m", "pip", "install", "--quiet", wheel, cwd=elsewhere)
    printed = []
    for example in (examples_in("README.md")[0], examples_in("docs/interpretability.md")[0]):
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
    assert len(scores) == 16
    assert all(0.05 < score <= 1 for score in scores)


@pytest.fixture(scope="module")
def outside(built, tmp_path_factory):
    """A Python with the wheel alone, and a folder that is no checkout."""
    (wheel,) = built.glob("*.whl")
    directory = tmp_path_factory.mktemp("outside")
    venv.create(directory / "venv", with_pip=True)
    python = directory / "venv" / "bin" / "python"
    succeed(python, "-m", "pip", "install", "--quiet", wheel, cwd=directory)
    return python, directory, wheel


@pytest.mark.slow
def test_the_wheel_alone_is_the_library_and_says_what_programs_need(outside):
    python, directory, _ = outside
    imported = "import sys, tf_strattack as sa; sa.StrAttack, sa.plot, sa.interpret; print(*sorted(sys.modules))"
    modules = succeed(python, "-I", "-c", imported, cwd=directory).split()
    assert not {"tensorflow_datasets", "matplotlib", "jinja2"} & set(modules)
    strattack = python.with_name("strattack")
    assert "attack " in succeed(strattack, cwd=directory)
    done = subprocess.run([strattack, "attack"], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'pip install "tf-strattack[programs]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_programs_run_outside_a_checkout(outside):
    python, directory, wheel = outside
    succeed(python, "-m", "pip", "install", "--quiet", f"{wheel}[programs]", cwd=directory)
    strattack = python.with_name("strattack")
    out = succeed(strattack, "attack", "--num_images=2", "--output_dir=run", cwd=directory)
    assert "2 images attacked" in out
    assert '"command": "strattack attack --num_images=2' in (directory / "run" / "metrics.json").read_text()
    assert (directory / "run" / "report.html").exists()
    assert "--variant=standard" in succeed(strattack, "train", "--help", cwd=directory)
    given = ["--dataset=sample", "--num_images=3", "--shard_size=2", "--output_dir=made", "--quantize=uint8"]
    succeed(strattack, "generate", *given, cwd=directory)
    assert (directory / "made" / "dataset" / "dataset_info.json").exists()
    succeed(strattack, "generate", *given, "--verify", cwd=directory)
    shutil.rmtree(directory / "made")
    few = ["--num_images=1", "--targets=random", "--attacks=fgm_l2"]
    succeed(strattack, "table1", *few, "--output_dir=table", cwd=directory)
    assert "strattack attack" in (directory / "table" / "table1.md").read_text()
