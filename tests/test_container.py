"""The container's files agree with the rest of the checkout; they are read here, and no image is built."""

import json
import re

import pytest

from tests.programs import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^    make (\w+)$", README, re.MULTILINE)


@pytest.fixture(scope="module")
def steps():
    """The instructions of the Dockerfile: (name, the rest of the line, continued lines joined)."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in lines]


def patterns(name):
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    return {line.removeprefix("**/").strip("/") for line in lines}


def test_it_runs_the_two_commands_of_the_readme(steps):
    assert COMMANDS == ["demo", "test"]
    name, given = steps[-1]
    assert name == "CMD"
    assert json.loads(given) == ["make", *COMMANDS]


def test_its_python_is_one_of_those_that_are_admitted(steps):
    (version,) = re.findall(r"^python:(\d\.\d+)-slim AS", steps[0][1])
    assert f"Programming Language :: Python :: {version}" in (ROOT / "setup.py").read_text()


def test_packages_are_installed_from_all_files_that_the_makefile_reads(steps):
    makefile = (ROOT / "Makefile").read_text()
    (needed,) = re.findall(r"^\$\(STAMP\): (.+)$", makefile, re.MULTILINE)
    (stamp,) = re.findall(r"^STAMP := (.+)$", makefile, re.MULTILINE)
    install = steps.index(("RUN", f"make {stamp}"))
    *files, place = steps[install - 1][1].replace("--chown=developer", "").split()
    assert steps[install - 1][0] == "COPY"
    assert set(files) == {"Makefile", *needed.split()}
    assert place == "./"
    assert steps[install + 1] == ("COPY", "--chown=developer . .")


def test_nothing_that_git_ignores_gets_into_the_image():
    assert patterns(".gitignore") <= patterns(".dockerignore")
    assert ".git" in patterns(".dockerignore")


def test_the_development_container_is_a_stage_of_the_same_file(steps):
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    build = settings["build"]
    assert (ROOT / ".devcontainer" / build["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert (ROOT / ".devcontainer" / build["context"]).resolve() == ROOT
    stages = [given.rpartition(" AS ")[2] for name, given in steps if name == "FROM" and " AS " in given]
    assert build["target"] in stages
    assert ("USER", settings["remoteUser"]) in steps
    assert settings["postCreateCommand"].removeprefix("make ") in COMMANDS
