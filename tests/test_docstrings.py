"""Every public name has a docstring that says what a caller has to know, and a place in the reference."""

import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pytest

import tf_strattack as sa

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"

# Modules of functions for callers; each has a page of its own.
MODULES = ("problem.groups", "images", "interop.art", "interop.foolbox", "interpret", "metrics", "shipped")

# Parameters that are arrays wherever they occur: their shape is told.
ARRAYS = {"images", "adversarial", "labels", "targets", "delta", "scores", "region", "values", "success", "levels"}

# Made by the attacks and the classifier themselves.
OF_CLASSIFIER = (
    "remembered",
    "program",
    "stream",
    "feature_maps",
    "prepare",
    "scores",
    "resolution",
    "passes",
    "single_score",
    "check_unchanged",
)
INTERNAL = {f"Classifier.{name}" for name in OF_CLASSIFIER}
# Methods of an attack that its author, and no caller, knows of; `docs/extending.md` has them.
OF_AUTHORS = {"perturb", "valid", "fallback", "run", "initial_state", "step", "ranking"}


def functions_of(owner, prefix):
    """The public functions, methods and properties of a module or class, by name."""
    for name, member in vars(owner).items():
        if name.startswith("_") and name != "__call__":
            continue
        function = getattr(member, "__func__", getattr(member, "fget", getattr(member, "func", member)))
        if inspect.isfunction(function) and function.__module__.startswith("tf_strattack"):
            yield f"{prefix}{name}", function


def public():
    """Every public callable, and the methods of the classes, by name."""
    found = {}
    for name in sa.__all__:
        value = getattr(sa, name)
        if inspect.isclass(value):
            found[name] = value
            # A classifier is what its base class does.
            for owner in reversed(value.__mro__[:-1] if value is sa.Classifier else [value]):
                found.update(functions_of(owner, f"{name}."))
        elif inspect.isfunction(value):
            found[name] = value
    for module in MODULES:
        owner = importlib.import_module(f"tf_strattack.{module}")
        classes = {n: v for n, v in vars(owner).items() if inspect.isclass(v) and v.__module__ == owner.__name__}
        for name, value in classes.items():
            found.update({f"{module}.{name}": value, **dict(functions_of(value, f"{module}.{name}."))})
        found.update({n: f for n, f in functions_of(owner, f"{module}.") if f.__module__ == owner.__name__})
    return {n: v for n, v in found.items() if n not in INTERNAL and n.rpartition(".")[2] not in OF_AUTHORS}


PUBLIC = public()
FUNCTIONS = {name: value for name, value in PUBLIC.items() if inspect.isfunction(value)}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}


def said_of(value):
    """The docstring of a function; of a class with those of the classes that it derives from."""
    parts = [value.__doc__ or "", *(base.__doc__ or "" for base in getattr(value, "__mro__", ())[1:-1])]
    return "\n".join(parts)


def parameters_of(value):
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value) if field.init]
    if inspect.isclass(value):
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
    assert {"StrAttack", "refine", "Attack.__call__", "metrics.l0", "interpret.asm", "groups.Groups"} <= PUBLIC.keys()


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
    if not (name.startswith("groups.Groups.") and " → " in value.__doc__):
        assert not missing, f"{name} says nothing of {missing}"


@pytest.mark.parametrize("name", [name for name, value in FUNCTIONS.items() if ARRAYS & {*parameters_of(value)}])
def test_arrays_have_a_shape(name):
    assert re.search(r"\(N[,)]|\(H, W|any shape", FUNCTIONS[name].__doc__), f"{name} tells no shape"


CHECKS = re.compile(r"\bcheck_(?!like)\w+\(|raise InputError|\.prepare\(|load_or_explain\(|\bGroups\(|self\.run\(")


@pytest.mark.parametrize("name", [name for name, value in FUNCTIONS.items() if CHECKS.search(inspect.getsource(value))])
def test_what_checks_says_what_it_raises(name):
    assert re.search(r"Raises:\n\s+InputError: ", FUNCTIONS[name].__doc__), f"{name} does not say what it raises"


@pytest.mark.parametrize("name", [name for name, value in CLASSES.items() if hasattr(value, "__post_init__")])
def test_a_class_that_checks_its_values_says_what_it_raises(name):
    assert "Raises:\n" in CLASSES[name].__doc__, f"{name} does not say what it raises"


@pytest.mark.parametrize("name", ["StrAttack", "FGM", "IFGM", "CarliniWagnerL2", "ElasticNet", "Refinement"])
def test_a_method_of_the_literature_names_its_source(name):
    module = importlib.import_module(CLASSES[name].__module__)
    assert re.search(r"arXiv \d{4}\.\d{5}|Proposition \d", f"{module.__doc__} {CLASSES[name].__doc__}")


def identifiers():
    """What the pages of the reference have a directive for."""
    pages = (page.read_text() for page in REFERENCE.glob("*.md"))
    return {name for page in pages for name in re.findall(r"^::: (\S+)$", page, re.MULTILINE)}


@pytest.mark.parametrize("name", [name for name in sa.__all__ if not inspect.ismodule(getattr(sa, name))])
def test_every_exported_name_is_on_a_page(name):
    home = getattr(getattr(sa, name), "__module__", "tf_strattack")
    assert {f"tf_strattack.{name}", f"{home}.{name}"} & identifiers(), f"{name} is on no page of docs/reference"


@pytest.mark.parametrize("module", sorted({*MODULES, *(n for n in sa.__all__ if inspect.ismodule(getattr(sa, n)))}))
def test_every_module_of_functions_is_on_a_page(module):
    assert f"tf_strattack.{module}" in identifiers(), f"sa.{module} is on no page of docs/reference"
