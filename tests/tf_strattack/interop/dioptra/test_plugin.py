"""The tasks of the plugin, and what `strattack.toml` and `attack.yml` say of them."""

import importlib.util
import inspect
import re
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.tf_strattack.interop.dioptra.plugin import PLACE, QUICK, TYPES, arrays, described, plugin

BUILT_IN = {"any", "string", "integer", "number", "boolean", "null"}


def test_without_dioptra_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dioptra", None)
    with pytest.raises(ImportError, match=r"^expected Dioptra.*: pip install tf-strattack\[dioptra\]$") as caught:
        importlib.import_module("tf_strattack.interop.dioptra.strattack.tasks")
    assert "\n" not in str(caught.value)


def test_tasks_attack_and_say_what_failed(monkeypatch, model, dataset, images):
    tasks, log, _ = plugin(monkeypatch)
    made = tasks.structured_attack(model, dataset, parameters={**QUICK, "epsilon": 0.001})
    (_, counted), (event, failures) = log
    assert (counted["attacked"], counted["successes"]) == (11, 0)
    assert event == "images without an adversarial one stay as they are"
    assert failures == {"number": 11, "images": list(range(11))}
    found, _ = arrays(made)
    np.testing.assert_array_equal(found, images)


@pytest.mark.parametrize("works", [True, False])
def test_metrics_are_registered_with_the_job(monkeypatch, model, dataset, works):
    posted = {}

    def append(job_id, metric_name, metric_value):
        if not works:
            raise ConnectionError("no server")
        posted[metric_name] = metric_value

    tasks, log, _ = plugin(monkeypatch, SimpleNamespace(jobs=SimpleNamespace(append_metric_by_id=append)))
    metrics, outcomes = tasks.structured_metrics(model, dataset, dataset)
    assert not posted, "without a job there is nothing to register with"
    monkeypatch.setenv("__JOB_ID", "7")
    metrics, outcomes = tasks.structured_metrics(model, dataset, dataset)
    assert len(outcomes) == 11
    assert metrics["asr"].tolist() == [0.0]
    assert posted.get("asr") == (0.0 if works else None)
    assert "l0" not in posted, "a mean over nothing is no number"
    assert ("no server" in str(log[-1])) != works


def test_the_resources_describe_the_tasks_as_they_are(monkeypatch):
    tasks, _, registered = plugin(monkeypatch)
    assert registered.keys() == described().keys()
    for name, task in described().items():
        assert (PLACE / "strattack" / task["filename"]).is_file()
        parameters = inspect.signature(getattr(tasks, name)).parameters
        assert [one["name"] for one in task["input_params"]] == list(parameters)
        for one in task["input_params"]:
            parameter = parameters[one["name"]]
            assert one["required"] == (parameter.default is parameter.empty)
            assert type_of(parameter.annotation) == TYPES.get(one["type"], one["type"])
        returned = getattr(tasks, name).__annotations__["return"]
        types = re.findall(r"[\w.]+", returned.removeprefix("tuple["))
        assert [one["type"] for one in task["output_params"]] == types
        for one in (*task["input_params"], *task["output_params"]):
            assert one["type"] in TYPES.keys() | BUILT_IN


def type_of(annotation: str) -> Any:
    """The structure of a type in the resources that has this annotation; None for an opaque one."""
    words = {"int": "integer", "str": "string", "float": "number", "None": "null"}
    options = {"dict[str, Any]": {"mapping": ["string", "any"]}, "tuple[float, float]": {"tuple": ["number", "number"]}}
    parts = [options.get(part, words.get(part)) for part in annotation.split(" | ")]
    optional = annotation.endswith(" | None")
    if len(parts) == 2 and optional and annotation.startswith(("int", "dict")):
        return parts[0]  # an input that is not required is left out
    return parts[0] if len(parts) == 1 else {"union": parts}


def test_the_graph_passes_what_the_tasks_take():
    yaml = pytest.importorskip("yaml")
    graph = yaml.safe_load((PLACE / "attack.yml").read_text())["graph"]
    for step in ("adversarial_dataset", "metrics"):
        ((name, given),) = graph[step].items()
        inputs = {one["name"]: one["required"] for one in described()[name]["input_params"]}
        assert given.keys() <= inputs.keys()
        assert {one for one, required in inputs.items() if required} <= given.keys()
