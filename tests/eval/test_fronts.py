"""Names that programs need before they import TensorFlow agree with the modules that define them."""

import re

import pytest

from eval.benchmarks.nets import NETS as BENCHMARK_NETS
from eval.inputs.attacks import ATTACKS
from eval.studies.defenses.rows import NETS
from tests.programs import server_of
from tf_strattack.interpret import FORMS
from tf_strattack.programs.directories.layouts import LAYOUTS
from training import nets


def help_on(module, flag):
    """What the help of a program says of a flag."""
    status, out, _ = server_of(module).run("--help")
    assert status == 0
    found = re.search(rf"^  --{flag}\b.*\n((?: {{6}}.*\n)+)", out, re.MULTILINE)
    return " ".join(found[1].split())


def test_networks_of_defences_are_those_that_are_trained():
    assert NETS.keys() == nets.NETS.keys()
    for name, net in NETS.items():
        built = nets.NETS[name]["cnn"].build("float32")
        assert (built.input_shape[1:], built.output_shape[1]) == net


@pytest.mark.parametrize(
    ("module", "flag", "values"),
    [
        ("eval.interpretability", "form", FORMS),
        ("training.train", "dataset", sorted(nets.NETS)),
        ("training.train", "net", nets.NETS["mnist"]),
        ("training.train", "net", nets.NETS["cifar10"]),
    ],
)
def test_enumerations_are_those_of_the_modules(module, flag, values):
    assert help_on(module, flag).startswith(f"<{'|'.join(values)}>: ")


def test_the_benchmark_names_its_networks():
    assert f"Networks, among {', '.join(BENCHMARK_NETS)} (all" in help_on("eval.benchmark", "nets")


@pytest.mark.parametrize("name", ATTACKS)
def test_the_run_of_every_attack_is_known_within_a_study(name):
    runs = LAYOUTS["eval.table1"].folder("attacks")
    assert all(runs.run(f"{name}{suffix}") for suffix in ("", "_tau_0.25", "_unrefined"))
    assert not runs.run("my_own")
