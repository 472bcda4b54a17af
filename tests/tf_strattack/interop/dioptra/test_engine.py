"""The plugin within Dioptra's own task engine."""

import importlib.util
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.tf_strattack.interop.dioptra.plugin import PLACE, RESOURCES, TYPES, arrays, described

# Stand-ins for OPTIC's tasks, in the form of a plugin: the files that a job of Dioptra finds.
OPTIC = """
import dataclasses
import keras
import tensorflow as tf
from dioptra import pyplugs
from dioptra.sdk.api.artifact import ArtifactTaskInterface
import tf_strattack as sa

@dataclasses.dataclass
class Meta:
    value_range: tuple

@dataclasses.dataclass
class Dataset:
    data: tf.data.Dataset
    meta: Meta

@pyplugs.register
def load_dataset_from_tfds(name, split, data_dir, normalize, image_size, batch_size):
    images, labels, _ = sa.shipped.load_sample()
    data = tf.data.Dataset.from_tensor_slices((images[:6], tf.one_hot(labels[:6], 10))).batch(batch_size)
    return None, None, Dataset(data, Meta((0.0, 1.0)))

class KerasModelArtifactTask(ArtifactTaskInterface):
    @staticmethod
    def deserialize(working_dir, path, **kwargs):
        return keras.saving.load_model(sa.shipped.model_path("mnist_cnn"), compile=False)

class DatasetArtifactTask(ArtifactTaskInterface):
    @staticmethod
    def serialize(working_dir, name, contents, **kwargs):
        contents.data.save(str(working_dir / name))
        return working_dir / name

class DataframeArtifactTask(ArtifactTaskInterface):
    @staticmethod
    def serialize(working_dir, name, contents, format, **kwargs):
        contents.to_csv(working_dir / f"{name}.{format}", index=False)
        return working_dir / f"{name}.{format}"
"""


def typed(number, one, types):
    parameter_type = SimpleNamespace(name=one["type"], structure=types.get(one["type"]))
    required = one.get("required", False)
    return SimpleNamespace(name=one["name"], parameter_number=number, parameter_type=parameter_type, required=required)


def plugin_file(folder, filename, tasks, types):
    """A file of a plugin as Dioptra's database has it."""
    made = [
        SimpleNamespace(
            plugin_task_name=task["name"],
            input_parameters=[typed(number, one, types) for number, one in enumerate(task["input_params"])],
            output_parameters=[typed(number, one, types) for number, one in enumerate(task["output_params"])],
        )
        for task in tasks
    ]
    return SimpleNamespace(
        plugin=SimpleNamespace(name=folder), plugin_file=SimpleNamespace(filename=filename, tasks=made)
    )


PARAMETERS = [
    ("dataset_name", "string", "mnist"),
    ("dataset_dir", "string", "data"),
    ("dataset_split", "mapping", '{"test": "test"}'),
    ("normalize", "boolean", "true"),
    ("image_size", "list", "[28, 28]"),
    ("batch_size", "integer", "4"),
    ("target", "string", "random"),
    ("groups", "integer", "2"),
    ("parameters", "mapping", '{"solver": {"name": "prox_linear", "max_iterations": 40}, "refine": false}'),
    ("seed", "integer", "3"),
]


def experiment():
    """What Dioptra makes of the resources, of `attack.yml` and of a task of OPTIC."""
    import yaml
    from dioptra.restapi.v1.entrypoints.task_engine_yaml import build_task_engine_dict

    graphs = yaml.safe_load((PLACE / "attack.yml").read_text())
    loading = {"dataset_name": "name", "dataset_dir": "data_dir", "dataset_split": "split"}
    load = {
        "name": "load_dataset_from_tfds",
        "input_params": [{"name": loading.get(name, name), "type": "any"} for name, *_ in PARAMETERS[:6]],
        "output_params": [{"name": name, "type": "Dataset"} for name in ("train", "val", "test")],
    }
    entry = SimpleNamespace(
        parameters=[SimpleNamespace(name=n, parameter_type=t, default_value=v) for n, t, v in PARAMETERS],
        artifact_parameters=[
            SimpleNamespace(
                name="model_artifact", output_parameters=[typed(0, {"name": "model", "type": "keras.Model"}, TYPES)]
            )
        ],
        task_graph=yaml.dump(graphs["graph"]),
        artifact_graph=yaml.dump(graphs["artifacts"]),
    )
    files = [
        plugin_file("strattack", "tasks.py", described().values(), TYPES),
        plugin_file("dioptra_optic", "data.py", [load], TYPES),
    ]
    types = [SimpleNamespace(name=name, structure=structure) for name, structure in TYPES.items()]
    return build_task_engine_dict(entry, files, types)


@pytest.mark.slow
def test_dioptra_accepts_the_resources():
    pytest.importorskip("dioptra.task_engine", reason="needs the extra dioptra")
    import json

    import dioptra as installed
    import jsonschema
    from dioptra.restapi.v1.shared.signature_analysis import get_plugin_signatures_from_file
    from dioptra.task_engine.validation import validate

    (root,) = installed.__path__
    schema = json.loads((Path(root) / "restapi" / "v1" / "workflows" / "dioptra-resources.schema.json").read_text())
    jsonschema.validate(RESOURCES, schema)
    found = {one["name"]: one for one in get_plugin_signatures_from_file(PLACE / "strattack" / "tasks.py")}
    assert found.keys() == described().keys()
    for name, task in described().items():
        inputs = [(one["name"], one["required"]) for one in found[name]["inputs"]]
        assert inputs == [(one["name"], one["required"]) for one in task["input_params"]]
    assert validate(experiment()) == []


@pytest.mark.slow
def test_dioptra_runs_the_attack(tmp_path, monkeypatch):
    pytest.importorskip("dioptra.task_engine", reason="needs the extra dioptra")
    import pandas as pd
    from dioptra.sdk.utilities.contexts import sys_path_dirs
    from dioptra.task_engine.task_engine import run_experiment

    monkeypatch.chdir(tmp_path)
    places = {name: tmp_path / name for name in ("plugins", "serialize", "deserialize", "artifacts", ".dioptra")}
    for folder in (*places.values(), places["plugins"] / "dioptra_optic", places["deserialize"] / "1_1"):
        folder.mkdir()
    shutil.copytree(PLACE / "strattack", places["plugins"] / "strattack")
    for file in (places["plugins"] / "dioptra_optic" / "data.py", places["deserialize"] / "1_1" / "artifacts.py"):
        file.write_text(OPTIC)
    with sys_path_dirs([str(places["plugins"])]):
        optic = importlib.import_module("dioptra_optic.data")
    model_task = {"plugin_id": 1, "plugin_snapshot_id": 1, "outputs": [{"name": "model"}]}
    model_task |= {"file_name": "artifacts.py", "task_name": "KerasModelArtifactTask"}
    artifact = {"artifact_id": 2, "artifact_snapshot_id": 2, "artifact_task": model_task, "artifact_uri": "net.keras"}
    storing = {
        name: {"task": getattr(optic, name), "plugin_snapshot_id": 1, "task_id": 1}
        for name in ("DatasetArtifactTask", "DataframeArtifactTask")
    }
    folders = {f"{name}_dir": places[name] for name in ("artifacts", "plugins", "serialize", "deserialize")}
    run_experiment(experiment(), {}, {"model_artifact": artifact}, storing, **folders)

    images, labels, _ = sa.shipped.load_sample()
    images, labels = images[:6], labels[:6]
    targets = sa.targets.random(labels, 10, seed=3)
    attack = sa.StrAttack(groups=2, solver=sa.solvers.ProxLinear(max_iterations=40), refine=False)
    expected = attack(sa.shipped.load_classifier(), images, labels, targets)
    found, kept = arrays(tf.data.Dataset.load("adversarial_dataset"))
    np.testing.assert_array_equal(found, expected.adversarial)
    np.testing.assert_array_equal(kept.argmax(axis=1), labels)
    outcomes, metrics = pd.read_csv("outcomes.csv"), pd.read_csv("metrics.csv")
    assert outcomes["success"].tolist() == expected.success.tolist()
    assert outcomes["target"].tolist() == targets.tolist()
    assert metrics["asr"].tolist() == [expected.success.mean()]
    assert expected.success.any()
