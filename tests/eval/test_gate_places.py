"""Where metrics.sarif has images, and what identifies images and runs there."""

import shutil

import numpy as np

from eval.gate.places import category_of, digest_of_image, location_of


def test_locations_are_files_where_images_are_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b" / "images").mkdir(parents=True)
    (tmp_path / "a b" / "images" / "0.png").touch()
    (tmp_path / "digits.npz").touch()

    def uri(dataset, name):
        return location_of(str(dataset), None, name)["physicalLocation"]["artifactLocation"]

    here = {"uri": "a%20b/images/0.png", "uriBaseId": "%SRCROOT%"}
    for dataset in ("a b", "./a b/", "a b/images", "a b/../a b/images", tmp_path / "a b", f"{tmp_path}//a b"):
        assert uri(dataset, "0.png") == here
    assert uri("digits.npz", "digits_3") == {"uri": "digits.npz", "uriBaseId": "%SRCROOT%"}
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert uri("../a b", "0.png") == {"uri": "a%20b/images/0.png", "uriBaseId": "DATASET"}
    # A file that labels.csv names outside its folder.
    assert uri("../a b", "../digits.npz") == {"uri": "digits.npz", "uriBaseId": "DATASET"}
    assert uri("../a b/images", "../../digits.npz") == {"uri": "digits.npz", "uriBaseId": "DATASET"}
    assert uri(tmp_path / "digits.npz", "digits_3") == {"uri": "digits.npz", "uriBaseId": "DATASET"}
    place = location_of("mnist", "test", "mnist_test_3")
    assert place["physicalLocation"]["artifactLocation"] == {
        "uri": "mnist/test/mnist_test_3",
        "uriBaseId": "DATASET",
    }
    (logical,) = place["logicalLocations"]
    assert logical == {"name": "mnist_test_3", "fullyQualifiedName": "mnist/test/mnist_test_3", "kind": "resource"}


def test_a_folder_of_the_name_of_a_data_set_is_not_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "0.png").touch()
    place = location_of("sample", None, "0.png")
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "sample/0.png", "uriBaseId": "DATASET"}


def test_images_are_identified_by_name_and_content_however_their_folder_is_written(tmp_path, monkeypatch):
    for folder, content in (("one/digits", b"one"), ("two/digits", b"two"), ("copy/digits", b"one")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "0.png").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    pixels = np.zeros((2, 2, 1), np.float32)

    def digest(folder):
        return digest_of_image(str(folder), "0.png", pixels, (0, 1))

    ways = ("one/digits", "./one/digits/", tmp_path / "one" / "digits", "two/../one/digits", "copy/digits")
    assert len({digest(folder) for folder in ways}) == 1
    assert digest("two/digits") != digest("one/digits")
    # Without a file of its own, the pixels are the image.
    ours = digest_of_image("mnist", "0", pixels + 0.5, (0, 1))
    assert ours == digest_of_image("cifar10", "0", 255 * (pixels + 0.5), (0, 255))
    assert ours != digest_of_image("mnist", "0", pixels, (0, 1))


def test_runs_of_a_pipeline_stay_apart(tmp_path, monkeypatch):
    for folder in ("one/digits", "two/digits"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    run = {"attack": "fgm_linf", "attack_parameters": {"epsilon": 0.1}, "model": "one/net.keras"}
    for place in ("one", "two"):
        (tmp_path / place / "net.keras").touch()
    run |= {"dataset": "one/digits", "split": None, "model_sha256": "12", "num_images": 5}
    category = category_of(run)
    assert category.startswith("fgm_linf/net.keras/digits/")
    others = [
        {"attack_parameters": {"epsilon": 0.2}},
        {"dataset": "two/digits"},
        {"split": "test"},
        {"targets": "all"},
        {"transform": ["noise"]},
        {"image_dtype": "uint8"},
        {"model": "two/net.keras"},
        {"weights": "one/net.keras"},
    ]
    assert len({category, *(category_of(run | other) for other in others)}) == 1 + len(others)
    # Later runs of the same command replace earlier ones.
    same = [
        {"dataset": "./one/digits/"},
        {"dataset": str(tmp_path / "one" / "digits")},
        {"model": "two/../one/net.keras"},
        {"model": str(tmp_path / "one" / "net.keras")},
        {"model_sha256": "34"},
        {"num_images": 9},
    ]
    assert {category_of(run | other) for other in same} == {category}
    # So do those in another checkout, and through a link to this one.
    (tmp_path / "checkout").mkdir()
    shutil.copytree(tmp_path / "one", tmp_path / "checkout" / "one")
    (tmp_path / "link").symlink_to(tmp_path / "checkout")
    monkeypatch.chdir(tmp_path / "checkout")
    assert category_of(run) == category
    assert category_of(run | {"dataset": str(tmp_path / "link" / "one" / "digits")}) == category
