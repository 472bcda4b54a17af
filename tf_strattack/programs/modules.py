"""The programs by name, and their modules: `eval.attack` in a checkout, `tf_strattack.eval.attack` where installed."""

from __future__ import annotations

import importlib.util
from typing import NamedTuple

_PACKAGE = "tf_strattack"


class Program(NamedTuple):
    """A program: its module in a checkout, and what it does, in a line."""

    module: str
    about: str


PROGRAMS = {
    "attack": Program("eval.attack", "Attack a model on some images: table, figures, report, data set."),
    "imagenet": Program("eval.imagenet", "Attack an ImageNet network on photographs."),
    "generate": Program("eval.generate", "Write adversarial examples of a whole split as a data set."),
    "table1": Program("eval.table1", "Compare attacks as Table 1 of the paper does."),
    "interpretability": Program("eval.interpretability", "Explain perturbations by saliency and class activation."),
    "defenses": Program("eval.defenses", "Train networks with defences, and attack them."),
    "benchmark": Program("eval.benchmark", "Measure what attacks cost and achieve."),
    "acceptance": Program("eval.acceptance", "Try the promises of attacks on a network, with an attack of your own."),
    "train": Program("training.train", "Train the network of a data set, with or without a defence."),
    "sample": Program("training.sample", "Write the sample of digits that the package ships."),
}


def module_of(program: str) -> str:
    """The module to import for `program`, such as "eval.attack", in a checkout or installed."""
    folder = program.partition(".")[0]
    installed = importlib.util.find_spec(f"{_PACKAGE}.{folder}") is not None
    return f"{_PACKAGE}.{program}" if installed else program


def called(module: str) -> str:
    """How a user calls the program that is the module: `python -m eval.attack`, or, installed, `strattack attack`."""
    program = module.removeprefix(f"{_PACKAGE}.")
    name = next((name for name, known in PROGRAMS.items() if known.module == program), None)
    return f"python -m {module}" if module == program or name is None else f"strattack {name}"
