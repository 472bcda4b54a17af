"""Every public name has a docstring that says what a caller has to know, and a place in the reference."""

import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pytest

import tf_strattack as sa
from tests.public import MODULES, held_by, module, public

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"

# Parameters that are arrays wherever they occur: their shape is stated.
ARRAYS = {"images", "adversarial", "labels", "targets", "delta", "scores", "region", "values", "success", "levels"}

PUBLIC = public()
FUNCTIONS = {name: value for name, value in PUBLIC.items() if inspect.isfunction(value)}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}


def said_of(value):
    """The docstring of a function; of a class with those of the classes that it derives from."""
    parts = [value.__doc__ or "", *(base.__doc__ or "" for base in getattr(value, "__mro__", ())[1:-1])]
    return "\n".join(parts)


def parameters_of(value):
    if inspect.isclass(value) and not dataclasses.is_dataclass(value):
        return list(getattr(value, "_fields", ()))
    return [name for name in inspect.signature(value).parameters if name not in ("self", "cls")]


def names(value, parameter):
    """Whether an item of a section is about the parameter, by itself or with others; a function may say it in code."""
    text = said_of(value)
    item = rf"^\s+(?:[\w*]+, )*\*{{0,2}}{parameter}(?:, [\w*]+)*: "
    return re.search(item, text, re.MULTILINE) or (inspect.isfunction(value) and f"`{parameter}`" in text)


def test_there_is_enough_to_be_looked_at():
    assert len(CLASSES) > 12
    assert len(FUNCTIONS) > 50
    assert {"StrAttack", "refine", "Attack.__call__", "metrics.l0", "interpret.asm"} <= PUBLIC.keys()
    assert {"SlidingMask", "groups.Groups", "distortions.L1", "solvers.Admm", "solvers.Candidate"} <= PUBLIC.keys()


def test_completion_offers_the_public_names_alone():
    assert set(dir(sa)) == set(sa.__all__)
    assert len(sa.__all__) == len(set(sa.__all__))
    assert {name for name in MODULES if "." not in name} <= set(sa.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_it_says_in_a_line_what_it_is(name):
    text = PUBLIC[name].__doc__
    assert text, f"{name} has no docstring"
    assert text.strip().splitlines()[0].rstrip().endswith((".", ":")), f"{name} begins with no sentence"


@pytest.mark.parametrize("name", PUBLIC)
def test_every_parameter_is_named(name):
    value = PUBLIC[name]
    missing = [parameter for parameter in parameters_of(value) if not names(value, parameter)]
    # The tensors that the groups' methods map have their shapes in place of an explanation.
    if not (name.startswith("groups.") and " → " in value.__doc__):
        assert not missing, f"{name} says nothing of {missing}"


def takes_arrays(value):
    parameters = inspect.signature(value).parameters.values()
    return ARRAYS & {parameter.name for parameter in parameters if parameter.kind != parameter.VAR_KEYWORD}


@pytest.mark.parametrize("name", [name for name, value in FUNCTIONS.items() if takes_arrays(value)])
def test_arrays_have_a_shape(name):
    assert re.search(r"\(N[,)]|\(H, W|any shape", FUNCTIONS[name].__doc__), f"{name} states no shape"


CHECKS = re.compile(
    r"\bcheck_(?!like)\w+\(|raise InputError|\.prepare\(|load_or_explain\(|\bas_structure\(|self\.run\("
)


@pytest.mark.parametrize("name", [name for name, value in FUNCTIONS.items() if CHECKS.search(inspect.getsource(value))])
def test_what_checks_says_what_it_raises(name):
    assert re.search(r"Raises:\n\s+InputError: ", FUNCTIONS[name].__doc__), f"{name} does not say what it raises"


@pytest.mark.parametrize("name", [name for name, value in CLASSES.items() if hasattr(value, "__post_init__")])
def test_a_class_that_checks_its_values_says_what_it_raises(name):
    assert "Raises:\n" in CLASSES[name].__doc__, f"{name} does not say what it raises"


@pytest.mark.parametrize(
    "name", ["StrAttack", "FGM", "IFGM", "PGD", "SigmaZero", "CarliniWagnerL2", "ElasticNet", "Refinement"]
)
def test_a_method_of_the_literature_names_its_source(name):
    home = importlib.import_module(CLASSES[name].__module__)
    assert re.search(r"arXiv \d{4}\.\d{5}|Proposition \d", f"{home.__doc__} {CLASSES[name].__doc__}")


def identifiers():
    """What the pages of the reference have a directive for."""
    pages = (page.read_text() for page in REFERENCE.glob("*.md"))
    return {name for page in pages for name in re.findall(r"^::: (\S+)$", page, re.MULTILINE)}


@pytest.mark.parametrize("name", [name for name in sa.__all__ if not inspect.ismodule(getattr(sa, name))])
def test_every_exported_name_is_on_a_page(name):
    home = getattr(getattr(sa, name), "__module__", "tf_strattack")
    assert {f"tf_strattack.{name}", f"{home}.{name}"} & identifiers(), f"{name} is on no page of docs/reference"


@pytest.mark.parametrize("name", sorted({*MODULES, *(n for n in sa.__all__ if inspect.ismodule(getattr(sa, n)))}))
def test_every_module_of_functions_is_on_a_page(name):
    held = {f"tf_strattack.{name}", *(f"tf_strattack.{name}.{member}" for member, _ in held_by(module(name)))}
    assert held & identifiers(), f"sa.{name} is on no page of docs/reference"


def test_every_type_is_in_the_table_with_its_shape():
    text = (REFERENCE / "typing.md").read_text()
    source = Path(sa.typing.__file__).read_text()
    shapes = re.findall(r"^(\w+): TypeAlias = .*  # (\(.*?\))", source, re.MULTILINE)
    assert len(shapes) > 5
    for name, shape in shapes:
        assert re.search(rf"^\| `{name}` \|.*{re.escape(shape)}", text, re.MULTILINE), f"{name} is not in the table"
