"""The plugin of Dioptra: its tasks, and what `strattack.toml` and `attack.yml` say of them."""

import dataclasses
import importlib.util
import inspect
import re
import shutil
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import exact_rows
from tests.slow import first_quick
from tf_strattack.interop import dioptra
from tf_strattack.interop.dioptra import attack_dataset, measure_datasets
from tf_strattack.interop.dioptra.named import attack_of, groups_of

PLACE = Path(dioptra.__file__).parent
RESOURCES = tomllib.loads((PLACE / "strattack.toml").read_text())
QUICK = {
    "solver": {"name": "prox_linear", "max_iterations": 12},
    "refine": False,
    "restarts": 0,
    "fallback": None,
}


@dataclasses.dataclass
class Meta:
    value_range: tuple[float, float]


@dataclasses.dataclass
class Dataset:
    """As OPTIC's tasks pass data sets."""

    data: tf.data.Dataset
    meta: Meta


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).uniform(size=(11, 6, 6, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def model(images):
    """A network that sees several classes in the images."""
    network = exact_rows()
    mean = network(images).numpy().mean(axis=0)

    class Centred(keras.Model):
        def call(self, x):
            return network(x) - mean

    return Centred()


@pytest.fixture(scope="module")
def labels(model, images):
    return model(images).numpy().argmax(axis=1)


@pytest.fixture(scope="module")
def dataset(images, labels):
    return tf.data.Dataset.from_tensor_slices((images, np.eye(4, dtype=np.float32)[labels])).batch(4)


def arrays(dataset):
    """The images and labels of a data set with batches."""
    return (np.concatenate(part) for part in zip(*dataset.as_numpy_iterator(), strict=True))


def native(model, images, labels, targets, **parameters):
    attack = sa.StrAttack(
        solver=sa.solvers.ProxLinear(max_iterations=12), refine=False, restarts=0, fallback=None, **parameters
    )
    return attack(model, images, labels, targets)


@pytest.mark.parametrize("target", first_quick(["random", None, "least_likely", 2]))
def test_the_examples_are_those_of_the_native_call(model, dataset, images, labels, target):
    made, result, rows = attack_dataset(model, dataset, target, groups=3, parameters=QUICK, target_seed=5)
    classifier = sa.Classifier.from_keras(model)
    classifier.prepare(images)
    targets = {
        "random": lambda: sa.targets.random(labels, 4, seed=5),
        None: lambda: None,
        "least_likely": lambda: sa.targets.least_likely(classifier, images),
        2: lambda: np.full(11, 2),
    }[target]()
    attacked = np.arange(11) if targets is None else np.flatnonzero(targets != labels)
    aims = None if targets is None else targets[attacked]
    expected = native(model, images[attacked], labels[attacked], aims, groups=3)
    np.testing.assert_array_equal(rows, attacked)
    np.testing.assert_array_equal(result.success, expected.success)
    assert result.success.any()
    found, kept = arrays(made)
    np.testing.assert_array_equal(found[attacked], expected.adversarial)
    np.testing.assert_array_equal(np.delete(found, attacked, axis=0), np.delete(images, attacked, axis=0))
    np.testing.assert_array_equal(kept, np.eye(4, dtype=np.float32)[labels])
    assert made.element_spec == dataset.element_spec


@pytest.mark.parametrize("batch", first_quick([None, 1, 4]))
@pytest.mark.parametrize("form", first_quick(["numbers", "column", "floats"]))
def test_neither_batches_nor_the_form_of_the_labels_matter(model, dataset, images, labels, batch, form):
    given = {"numbers": labels, "column": labels[:, None], "floats": labels.astype(np.float32)}[form]
    data = tf.data.Dataset.from_tensor_slices((images, given))
    data = data if batch is None else data.batch(batch)
    made = attack_dataset(model, data, "random", parameters=QUICK).dataset
    assert made.element_spec == data.element_spec
    found, kept = arrays(made if batch else made.batch(11))
    expected, _ = arrays(attack_dataset(model, dataset, "random", parameters=QUICK).dataset)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(kept, given)


def test_the_range_of_pixels_is_that_of_the_metadata(model, images, labels):
    scaled = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Rescaling(1 / 255.0), model])
    data = tf.data.Dataset.from_tensor_slices((images * 255, labels)).batch(4)
    optic = Dataset(data, Meta((0.0, 255.0)))
    made = attack_dataset(scaled, optic, parameters=QUICK)
    assert isinstance(made.dataset, Dataset)
    assert made.dataset.meta is optic.meta
    assert made.result.bounds == (0.0, 255.0)
    assert made.result.success.any()
    found, _ = arrays(made.dataset.data)
    expected, _ = arrays(attack_dataset(scaled, data, parameters=QUICK, bounds=[0, 255]).dataset)
    np.testing.assert_array_equal(found, expected)
    measured, _ = measure_datasets(scaled, optic, made.dataset)
    assert measured["linf"] == pytest.approx(sa.metrics.linf(made.result.delta)[made.result.success].mean())


@pytest.mark.parametrize("target", [None, "random"])
def test_measures_are_those_of_the_result(model, dataset, images, labels, target):
    made, result, rows = attack_dataset(model, dataset, target, groups=3, parameters=QUICK)
    measured, outcomes = measure_datasets(model, dataset, made, target, groups=3)
    np.testing.assert_array_equal(outcomes["success"], result.success)
    np.testing.assert_array_equal(outcomes["image"], rows)
    values = sa.metrics.measure(result.delta, groups=3)
    for name, value in values.items():
        np.testing.assert_array_equal(outcomes[name], np.where(result.success, value, np.nan))
        assert measured[name] == pytest.approx(value[result.success].mean())
    assert measured["images"] == 11
    assert measured["asr"] == result.success.mean()
    assert measured["clean_accuracy"] == 1
    assert measured["adversarial_accuracy"] == pytest.approx(1 - result.success.mean())
    assert ("target" in outcomes) and (outcomes["target"].isna().all() == (target is None))


def test_without_a_success_means_are_missing(model, dataset):
    measured, _ = measure_datasets(model, dataset, dataset)
    assert (measured["asr"], measured["successes"]) == (0, 0)
    assert np.isnan(measured["l0"])


def test_parameters_from_plain_values_make_the_same_attack():
    made = attack_of(
        {
            "tau": 0.5,
            "solver": {"name": "paper", "search_steps": 9},
            "distortion": {"name": "en", "beta": 0.1},
            "refine": {"prune": "groups", "solver": {"name": "admm", "max_iterations": 50}},
        },
        3,
    )
    assert made == sa.StrAttack(
        groups=3,
        tau=0.5,
        solver=sa.solvers.Paper(search_steps=9),
        distortion=sa.distortions.ElasticNet(beta=0.1),
        refine=sa.Refinement(prune="groups", solver=sa.solvers.Admm.refining(max_iterations=50)),
    )
    assert attack_of(None, None) == sa.StrAttack()


def test_groups_have_names(images):
    assert groups_of({"name": "squares", "size": 3, "stride": 2}, images) == sa.SlidingMask(3, 2)
    delta = np.zeros((1, 6, 6, 1), np.float32)
    delta[0, 2] = 1.0
    for name, changed in (("rows", 1), ("columns", 6), ("channels", 1), ({"name": "channels", "size": 3}, 2)):
        assert sa.metrics.nonzero_groups(delta, groups_of(name, delta)) == changed
    maps = groups_of({"name": "superpixels", "segments": 4}, images)
    assert sa.metrics.nonzero_groups(np.ones_like(images), maps).shape == (11,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "net.keras"}, "expected a Keras model, received str"),
        ({"dataset": [1]}, "expected a tf.data.Dataset, or a dataclass with one as data, received list"),
        ({"dataset": lambda data: data.map(lambda x, y: {"image": x})}, r"expected a data set of pairs.*received elem"),
        ({"dataset": lambda data: data.take(0)}, "received an empty one"),
        ({"dataset": lambda data: data.repeat()}, r"repeats for ever: dataset.take\(n\)"),
        ({"dataset": lambda data: data.map(lambda x, y: (x[..., 0, 0], y))}, r"received images of shape \(4, 6\)"),
        ({"dataset": lambda data: data.map(lambda x, y: (x, y[:, :3]))}, r"expected labels of shape.*\(N, 4\), rec"),
        ({"target": 4}, "expected target to be a class from 0 to 3, received 4"),
        ({"target": "next"}, "received 'next'"),
        ({"target": 0, "dataset": lambda data: data.unbatch().skip(4).take(1)}, "expected images of other classes"),
        ({"target_seed": -1}, "expected target_seed"),
        ({"bounds": [0, 0.5]}, "expected images within the classifier's bounds"),
        ({"groups": "diagonals"}, "expected groups to be a number, a name .*received 'diagonals'"),
        ({"groups": {"name": "superpixels"}}, "expected groups superpixels with segments, received {}"),
        ({"groups": {"name": "rows", "size": 2}}, "expected groups rows with no numbers"),
        ({"parameters": {"groups": 3}}, "expected groups as an argument of the task"),
        ({"parameters": "tau=1"}, "expected parameters to be a mapping"),
        ({"parameters": {"tau": -1.0}}, "expected tau to be a number at least 0"),
        ({"parameters": {"sigma": 1}}, "expected hyper-parameters of StrAttack, received sigma"),
        ({"parameters": {"solver": {"name": "adam"}}}, "expected solver with a name, one of .*received 'adam'"),
        ({"parameters": {"solver": {"name": "admm", "c": 1}}}, "expected hyper-parameters of solver admm .*received c"),
        ({"parameters": {"refine": {"sigma": 1}}}, "expected hyper-parameters of refine .*received sigma"),
    ],
)
def test_mistakes_get_one_line(model, dataset, change, message):
    given = {"model": model, "dataset": dataset, **change}
    if inspect.isfunction(given["dataset"]):
        given["dataset"] = given["dataset"](dataset)
    with pytest.raises(sa.InputError, match=message) as caught:
        attack_dataset(given.pop("model"), given.pop("dataset"), **given)
    assert "\n" not in str(caught.value)


def test_data_sets_in_another_order_are_not_compared(model, dataset):
    other = dataset.unbatch().shuffle(11, seed=1).batch(4)
    with pytest.raises(sa.InputError, match="expected both data sets in the same order"):
        measure_datasets(model, dataset, other)


class Log(list):
    """Stands for the logger of structlog."""

    def bind(self, **_):
        return self

    def info(self, event, **values):
        self.append((event, values))

    warning = info


def plugin(monkeypatch, client=None):
    """The module of the tasks, imported as Dioptra does, with stand-ins for what it imports; and its log."""
    log, registered = Log(), {}
    parts = {
        "structlog": {"get_logger": lambda: log},
        "dioptra": {"pyplugs": SimpleNamespace(register=lambda task: registered.setdefault(task.__name__, task))},
        "dioptra.sdk": {},
        "dioptra.sdk.utilities": {},
        "dioptra.sdk.utilities.auth_client": {"get_authenticated_worker_client": lambda *_: client},
    }
    for name, values in parts.items():
        module = ModuleType(name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
    return loaded(), log, registered


def loaded():
    spec = importlib.util.spec_from_file_location("strattack.tasks", PLACE / "strattack" / "tasks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


def described():
    """The tasks that the resources describe, by name."""
    (only,) = RESOURCES["plugins"]
    return {task["name"]: task for task in only["tasks"]["functions"]}


TYPES = {one["name"]: one.get("structure") for one in RESOURCES["plugin_param_types"]}
BUILT_IN = {"any", "string", "integer", "number", "boolean", "null"}


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
