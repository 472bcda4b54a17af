"""The recipes of docs/trackers.md run as printed, where the trackers are installed, and record what was found."""

import importlib.util
import json

import pytest

from tests.documents import examples_in

pytestmark = pytest.mark.slow


def recipe(name):
    """What the recipe that imports the tracker `name` defines, after it has run in the present folder."""
    (example,) = (example for example in examples_in("docs/trackers.md") if f"import {name}\n" in example)
    if name == "mlflow" and importlib.util.find_spec("sqlalchemy") is None:  # as in mlflow-skinny
        example = example.replace("sqlite:///mlflow.db", "file:mlruns")
    example = example.removesuffix("run.finish()\n")  # a finished run of W&B shows no summary
    names = {}
    exec(compile(example, "docs/trackers.md", "exec"), names)
    return names


def test_mlflow_has_curves_parameters_and_the_summary(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    names = recipe("mlflow")
    client, run = mlflow.MlflowClient(), names["run"].info.run_id
    for stage in ("attack", "refinement"):
        curve = client.get_metric_history(run, f"{stage}/objective")
        assert len(curve) > 2
        assert curve[-1].value < curve[0].value
        steps = [point.step for point in curve]
        assert steps == sorted(set(steps))
    stored = client.get_run(run).data
    expected = {name: value for name, value in names["result"].summary().items() if value is not None}
    assert expected.items() <= stored.metrics.items()
    assert stored.params["tau"] == str(names["attack"].tau)
    file = mlflow.artifacts.download_artifacts(run_id=run, artifact_path="attack.json")
    with open(file) as read:
        assert json.load(read) == names["result"].attack


def test_weights_and_biases_has_curves_and_the_summary_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="needs wandb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_SILENT", "true")
    names = recipe("wandb")
    summary = dict(names["run"].summary)
    assert names["result"].summary().items() <= summary.items()
    assert summary["attack/success_rate"] == 1.0
    assert names["run"].config["tau"] == names["attack"].tau
    names["run"].finish()
    (written,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    for curve in (b"attack/objective", b"refinement/objective"):
        assert written.read_bytes().count(curve) > 2
    (table,) = (tmp_path / "wandb").glob("offline-run-*/files/media/table/*.json")
    assert len(json.loads(table.read_text())["data"]) == len(names["result"])
