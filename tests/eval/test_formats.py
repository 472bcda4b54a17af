"""Formats of a data set: the same examples in each, added later without an attack, read by the packages of hubs."""

import importlib.util
import json
import re

import numpy as np
import pytest

import tf_strattack as sa
from eval.runs.croissant import croissant_of_parquet, croissant_of_png
from eval.runs.formats import FORMATS, require_formats
from eval.runs.rows import DISTANCES, Schema, ShardFile, names_in_order
from tests.directories import check_equal, examples, parquet_shards, shards
from tests.programs import server_of

pytest.importorskip("pyarrow", reason="needs the extra parquet")

QUICK = ("--attack=fgm_l2", "--num_images=4", "--targets=random:2", "--shard_size=3")


@pytest.fixture(scope="module")
def program():
    return server_of("eval.generate").run


def some_rows(schema, number):
    random = np.random.default_rng(0)
    for row in range(number):
        pixels = random.uniform(-0.5, 0.5, (2, *schema.image_shape)).astype(np.float32)
        if schema.dtype == "uint8":
            pixels = random.integers(0, 256, pixels.shape, np.uint8)
        yield {
            "image": pixels[0],
            "original": pixels[1],
            "label": np.int32(row % 3),
            "target": np.int64(-1),
            "success": np.bool_(row % 2),
            "example_id": f"ä/{row}_untargeted",
            **{name: np.float32(random.uniform()) for name in DISTANCES},
        }


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("channels", "dtype"), [(1, "uint8"), (3, "uint8"), (4, "uint8"), (2, "uint8"), (3, "float32")]
)
def test_rows_come_back_as_they_were_and_their_files_are_equal(form, channels, dtype, tmp_path):
    schema = Schema((5, 4, channels), dtype, ("a", "b", "c"))
    rows = list(some_rows(schema, 205))
    for name in ("one", "two"):
        FORMATS[form].write_shard(tmp_path / name, schema, rows)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    found = list(FORMATS[form].read_shard(tmp_path / "one", schema))
    assert len(found) == len(rows)
    for ours, theirs in zip(found, rows, strict=True):
        assert ours.keys() == theirs.keys()
        assert ours["image"].dtype == ours["original"].dtype == np.dtype(dtype)
        for name, value in theirs.items():
            np.testing.assert_array_equal(ours[name], value, err_msg=name)


def test_class_names_are_in_order_and_have_no_duplicates():
    assert names_in_order({0: "crane", 1: "dog", 2: "crane"}, 3) == ("crane (0)", "dog", "crane (2)")
    assert names_in_order({0: "cat", 2: "dog"}, 3) == ()
    assert names_in_order({}, 0) == ()


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    require_formats(["tfds"])
    with pytest.raises(sa.InputError, match=r'received none: pip install "tf-strattack\[parquet\]"$'):
        require_formats(["tfds", "parquet"])


@pytest.mark.slow
def test_a_format_can_be_added_and_stays(program, tmp_path):
    out = f"--output_dir={tmp_path / 'out'}"
    status, _, err = program(*QUICK, out)
    assert status == 0, err
    assert not parquet_shards(tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in shards(tmp_path / "out")}
    status, printed, err = program(*QUICK, out, "--format=tfds,parquet", "--verify")
    assert status == 2
    assert "train-00002-of-00003.parquet: it is missing" in printed
    status, printed, err = program(*QUICK, out, "--format=parquet")
    assert status == 0, err
    assert "attack" not in err
    assert "made again" not in printed
    assert {path: path.stat().st_mtime_ns for path in shards(tmp_path / "out")} == before
    names = [path.name for path in parquet_shards(tmp_path / "out")]
    assert names == [f"train-0000{number}-of-00003.parquet" for number in range(3)]
    parquet_shards(tmp_path / "out")[1].unlink()
    status, printed, err = program(*QUICK, out)
    assert status == 0, err
    assert "train-00001-of-00003.parquet: the file is missing; made again" in printed
    status, printed, err = program(*QUICK, out, "--verify")
    assert status == 0, err


@pytest.mark.slow
def test_parquet_alone_gives_the_same_files(program, tmp_path):
    for name, form in (("both", "parquet,tfds"), ("alone", "parquet")):
        status, _, err = program(*QUICK, "--quantize=uint8", f"--format={form}", f"--output_dir={tmp_path / name}")
        assert status == 0, err
    assert not (tmp_path / "alone" / "dataset").exists()
    for ours, theirs in zip(*(parquet_shards(tmp_path / name) for name in ("both", "alone")), strict=True):
        assert ours.read_bytes() == theirs.read_bytes()
    status, printed, err = program(
        *QUICK, "--quantize=uint8", "--format=parquet", f"--output_dir={tmp_path / 'alone'}", "--verify"
    )
    assert status == 0, err
    assert "8 examples in 3 shards" in printed
    status, _, err = program(*QUICK, "--quantize=uint8", f"--output_dir={tmp_path / 'alone'}")
    assert status == 0, err
    check_equal(tmp_path / "alone", tmp_path / "both")


@pytest.mark.parametrize("license", [None, "CC-BY-4.0"])
def test_croissant_names_what_made_the_examples_but_no_folders_and_no_license_of_its_own(license):
    facts = {
        "attack": "strattack",
        "attack_parameters": {"tau": 0.65, "names": ["/home/someone/secret/classes.txt"]},
        "model": "/home/someone/secret/net.keras",
        "model_sha256": "ab12",
        "bounds": [0, 1],
        "dataset": "/home/someone/secret/digits.npz",
        "dataset_version": "cd34",
        "code_version": "0.3.0 ef56",
        "targets": "random",
        "seed": 7,
        "groups": "squares:2",
        "dataset_license": license,
    }
    shards = [ShardFile("train-00000-of-00001.parquet", "9f", 10, 3)]
    parquet = croissant_of_parquet(facts, Schema((4, 4, 2), "float32"), shards)
    for found in (parquet, croissant_of_png(facts, "metadata.csv", "9f", 10)):
        text = json.dumps(found)
        assert "secret" not in text
        for fact in ("net.keras", "digits.npz", "ab12", "cd34", "ef56", "tau", "squares:2"):
            assert fact in text
        assert found.get("license") == license
        assert found["distribution"][0]["sha256"] == "9f"
        fields = [field["name"] for field in found["recordSet"][0]["field"]]
        assert {"image", "label", "target", "example_id"} < set(fields)
        assert len(set(fields)) == len(fields)


@pytest.mark.slow
def test_the_metadata_name_files_license_and_what_made_them_but_no_folders(program, tmp_path):
    images, labels, _ = sa.shipped.load_sample()
    np.savez(tmp_path / "digits.npz", images=images[:4], labels=labels[:4])
    arguments = [*QUICK, "--quantize=uint8", "--format=parquet", f"--dataset={tmp_path / 'digits.npz'}"]
    arguments += [f"--output_dir={tmp_path / 'out'}", f"--png_dir={tmp_path / 'png'}"]
    status, _, err = program(*arguments)
    assert status == 0, err
    for folder in (tmp_path / "out" / "parquet", tmp_path / "png"):
        assert "license" not in json.loads((folder / "croissant.json").read_text())
    status, _, err = program(*arguments, "--dataset_license=CC-BY-4.0")
    assert status == 0, err
    status, _, err = program(*arguments, "--verify")  # the license is among the facts of the run
    assert status == 0, err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    for folder in (tmp_path / "out" / "parquet", tmp_path / "png"):
        text = (folder / "croissant.json").read_text()
        assert str(tmp_path) not in text
        found = json.loads(text)
        assert found["license"] == "CC-BY-4.0"
        assert 'license: "cc-by-4.0"' in (folder / "README.md").read_text()
        for fact in ("fgm_l2", manifest["configuration"]["model_sha256"], '"seed": 0'):
            assert fact in found["rai:dataManipulationProtocol"] + found["rai:dataCollection"]
    described = json.loads((tmp_path / "out" / "parquet" / "croissant.json").read_text())["distribution"]
    checksums = {f"parquet/{file['name']}": file["sha256"] for file in described if file["@type"] == "cr:FileObject"}
    assert checksums == {
        name: facts["sha256"] for shard in manifest["shards"] for name, facts in shard["files"].items()
    }


@pytest.fixture(scope="module")
def quantized(program, tmp_path_factory):
    """8-bit examples in all formats, and PNG files."""
    directory = tmp_path_factory.mktemp("quantized")
    arguments = [*QUICK, "--quantize=uint8", "--format=tfds,parquet"]
    arguments += [f"--output_dir={directory / 'out'}", f"--png_dir={directory / 'png'}"]
    status, _, err = program(*arguments)
    assert status == 0, err
    return directory


@pytest.fixture
def load(tmp_path):
    datasets = pytest.importorskip("datasets", reason="needs the package datasets")
    return lambda folder: datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))


def check_rows_agree(found, rows):
    assert [row["example_id"] for row in found] == list(rows)
    for row in found:
        for name in ("label", "target", "success", *DISTANCES):
            assert row[name] == rows[row["example_id"]][name], name


@pytest.mark.slow
def test_datasets_reads_8_bit_images_and_classes_from_parquet_files(quantized, load):
    found, rows = load(quantized / "out" / "parquet"), examples(quantized / "out")
    check_rows_agree(found, rows)
    assert found.features["label"].names == [str(digit) for digit in range(10)]
    assert [type(found.features[name]).__name__ for name in ("image", "original")] == ["Image"] * 2
    for row in found:
        for name in ("image", "original"):
            np.testing.assert_array_equal(np.asarray(row[name])[..., None], rows[row["example_id"]][name])


@pytest.mark.slow
def test_datasets_reads_float_images_from_parquet_files(program, load, tmp_path):
    import datasets

    status, _, err = program(*QUICK, "--format=tfds,parquet", f"--output_dir={tmp_path / 'out'}")
    assert status == 0, err
    found, rows = load(tmp_path / "out" / "parquet"), examples(tmp_path / "out")
    check_rows_agree(found, rows)
    for form in (found, found.cast_column("image", datasets.Array3D((28, 28, 1), "float32"))):
        for row in form.with_format("numpy"):
            assert row["image"].dtype == np.float32
            np.testing.assert_array_equal(row["image"], rows[str(row["example_id"])]["image"])


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "dtype"), [(2, "uint8"), (4, "uint8"), (5, "float32")])
def test_datasets_reads_images_of_any_number_of_channels(channels, dtype, load, tmp_path):
    schema = Schema((6, 5, channels), dtype)
    rows, folder = list(some_rows(schema, 120)), tmp_path / "parquet"
    folder.mkdir()
    FORMATS["parquet"].write_shard(folder / "train-00000-of-00001.parquet", schema, rows)
    for found, row in zip(load(folder).with_format("numpy"), rows, strict=True):
        for name in ("image", "original"):
            np.testing.assert_array_equal(found[name], row[name])


@pytest.mark.slow
def test_datasets_reads_the_png_files(quantized, load):
    found, rows = load(quantized / "png"), examples(quantized / "out")
    assert {row["example_id"] for row in found} == {name for name, row in rows.items() if row["success"]}
    for row in found:
        np.testing.assert_array_equal(np.asarray(row["image"])[..., None], rows[row["example_id"]]["image"])
        assert row["label"] == rows[row["example_id"]]["label"]


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["out/parquet", "png"])
def test_mlcroissant_accepts_the_metadata_and_reads_the_examples(quantized, folder):
    mlcroissant = pytest.importorskip("mlcroissant", reason="needs the package mlcroissant")
    found = mlcroissant.Dataset(quantized / folder / "croissant.json")
    report = found.metadata.ctx.issues.report()
    lacking = {re.search(r"schema.org/(\w+)", line)[1] for line in report.splitlines() if "Property" in line}
    assert lacking == {"datePublished", "license"}, "these are for the owner to say"
    rows, seen = examples(quantized / "out"), set()
    for record in found.records("examples"):
        name = record["examples/example_id"].decode()
        seen.add(name)
        assert (record["examples/label"], record["examples/target"]) == (rows[name]["label"], rows[name]["target"])
        picture = np.asarray(record["examples/image"].convert("L"))
        np.testing.assert_array_equal(picture[..., None], rows[name]["image"])
    assert seen == {name for name, row in rows.items() if row["success"] or folder != "png"}


@pytest.mark.slow
def test_mlcroissant_reads_float_images(program, tmp_path):
    mlcroissant = pytest.importorskip("mlcroissant", reason="needs the package mlcroissant")
    status, _, err = program(*QUICK, "--format=tfds,parquet", f"--output_dir={tmp_path / 'out'}")
    assert status == 0, err
    rows = examples(tmp_path / "out")
    for record in mlcroissant.Dataset(tmp_path / "out" / "parquet" / "croissant.json").records("examples"):
        row = rows[record["examples/example_id"].decode()]
        np.testing.assert_array_equal(np.array(record["examples/image"], np.float32), row["image"])
