"""Every public name of the library, as a caller writes it."""

import importlib
import inspect

import tf_strattack as sa

# Modules for callers; each has a page of its own.
MODULES = (
    "acceptance",
    "distortions",
    "groups",
    "images",
    "interop.art",
    "interop.dioptra",
    "interop.foolbox",
    "interop.maite",
    "interop.torch",
    "interpret",
    "metrics",
    "plot",
    "shipped",
    "solvers",
    "targets",
    "transformations",
    "typing",
)

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
    "judged",
    "returned",
    "watched",
)
INTERNAL = {f"Classifier.{name}" for name in OF_CLASSIFIER}
# Methods that the author of an attack, and no caller, knows of; `docs/extending.md` and the mathematics have them.
OF_AUTHORS = {
    *("perturb", "valid", "fallback_images", "run", "ranking"),
    *("parameters", "init", "step", "monitor", "check", "weight"),  # of a solver
    *("none", "at", "put", "better"),  # of a solution
    *("rest", "shrink", "scale", "cost", "prox"),  # of a distortion
    *("as_distortion", "as_structure"),  # an object by its short form
    *("aimed", "verify", "passes", "key", "resolution", "required_margin", "program", "valid_images"),  # of a goal
    *("margin", "margin_and_gradient", "cross_entropy_gradient", "margin_and_cross_entropy_gradient", "valid_margin"),
    *("batched", "prepare", "asked", "columns", "correct", "joined", "shares", "loss", "soft_loss"),
}


def functions_of(owner, prefix):
    """The public functions, methods and properties of a module or class, by name."""
    for name, member in vars(owner).items():
        if name.startswith("_") and name != "__call__":
            continue
        function = getattr(member, "__func__", getattr(member, "fget", getattr(member, "func", member)))
        if inspect.isfunction(function) and function.__module__.startswith("tf_strattack"):
            yield f"{prefix}{name}", function


def module(name):
    """The module that callers know as `sa.name`."""
    return getattr(sa, name) if hasattr(sa, name) else importlib.import_module(f"tf_strattack.{name}")


def held_by(owner):
    """The classes and functions of a module, or what a package exports, by name."""
    exported = getattr(owner, "__all__", None)
    for name, value in vars(owner).items():
        own = name in exported if exported else getattr(value, "__module__", None) == owner.__name__
        if own and not name.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value)):
            yield name, value


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
    for place in MODULES:
        for name, value in held_by(module(place)):
            found[f"{place}.{name}"] = value
            if inspect.isclass(value):
                found.update(functions_of(value, f"{place}.{name}."))
    return {n: v for n, v in found.items() if n not in INTERNAL and n.rpartition(".")[2] not in OF_AUTHORS}
