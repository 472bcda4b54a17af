"""A folder with a sub-folder for each class is a data set, numbered as Keras numbers it."""

import keras
import numpy as np
import pytest
from PIL import Image

import tf_strattack as sa
from eval.inputs.datasets import read_dataset


def read(folder):
    return read_dataset(str(folder), data_dir=None, split="test", download=False)


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), len(name), np.uint8)).save(folder / name)
    return folder


def rows(folder):
    return [(record.name, record.label) for record in read(folder).records]


def test_classes_are_numbered_in_alphabetical_order_as_keras_numbers_them(tmp_path, notes):
    write(tmp_path, "dog/2.png", "dog/10.png", "dog/more/1.bmp", "cat/1.JPG", "Zebra/1.png", "cat/a.gif")
    (tmp_path / "empty").mkdir()
    data = read(tmp_path)
    ours = [(record.name, record.label) for record in data.records]
    assert notes() == [
        "class folders numbered in alphabetical order, as in Keras: Zebra=0, cat=1, dog=2, empty=3",
    ]
    theirs = keras.utils.image_dataset_from_directory(tmp_path, shuffle=False, verbose=False)
    labels = [int(label) for _, batch in theirs for label in batch]
    assert sorted(ours) == sorted(
        (path.removeprefix(f"{tmp_path}/"), label) for path, label in zip(theirs.file_paths, labels, strict=True)
    )
    assert [label for _, label in ours] == [0, 1, 2, 1, 2, 2]  # from each class in turn
    assert data.class_names == {0: "Zebra", 1: "cat", 2: "dog"}


def test_names_that_are_whole_numbers_are_the_classes(tmp_path, notes):
    write(tmp_path, "10/a.png", "2/a.png", "007/a.png")
    assert rows(tmp_path) == [("007/a.png", 7), ("10/a.png", 10), ("2/a.png", 2)]
    assert notes() == ["class folders numbered by their names: 007=7, 10=10, 2=2"]


def test_the_line_is_short_where_classes_are_many(tmp_path, notes):
    read(write(tmp_path, *(f"class{index:02d}/a.png" for index in range(40))))
    (line,) = notes()
    assert line.endswith(": class00=0, class01=1, class02=2, class03=3, class04=4, ..., class39=39")


def test_what_is_no_image_in_a_class_folder_is_left_out_and_reported(tmp_path, notes):
    write(tmp_path, "cat/1.png", "dog/1.png", "dog/._1.png", ".hidden/1.png", "flat.png")
    (tmp_path / "dog" / "Thumbs.db").write_text("x")
    assert rows(tmp_path) == [("cat/1.png", 0), ("dog/1.png", 1)]
    (_, left_out) = notes()
    assert left_out.startswith(f"2 files in {tmp_path} are not images in a class folder")
    assert left_out.endswith("flat.png")


def test_a_table_comes_first(tmp_path, notes):
    write(tmp_path / "here", "cat/1.png", "dog/1.png")
    for place in ("here", "."):  # above, too, if it is of these images
        table = tmp_path / place / "labels.csv"
        table.write_text("filename,class_index\ncat/1.png,5\n")
        assert rows(tmp_path / "here") == [("cat/1.png", 5)]
        table.unlink()
    (tmp_path / "labels.csv").write_text("filename,class_index\nother.png,5\n")
    assert rows(tmp_path / "here") == [("cat/1.png", 0), ("dog/1.png", 1)]
    assert len(notes()) == 1


def test_folders_with_neither_table_nor_classes_are_refused(tmp_path):
    expected = (
        r"labels.csv with columns filename, class_index, there or in the folder above, or one sub-folder of images"
    )
    for number, names in enumerate([(), ("1.png",), ("images/1.png",), (".hidden/1.png",)]):
        folder = write(tmp_path / f"{number}", *names)
        folder.mkdir(exist_ok=True)
        (folder / "texts").mkdir(exist_ok=number < 2)
        if number > 1:
            (folder / "texts").rmdir()
        with pytest.raises(sa.InputError, match=f"{expected} per class, received neither"):
            read(folder)


def test_splits_are_no_classes_and_the_remedy_works(tmp_path):
    folder = write(tmp_path, "test/cat/1.png", "test/dog/1.png", "train/cat/1.png")
    with pytest.raises(sa.InputError, match=f"the splits test, train: name one of them, such as {folder}/test"):
        read(folder)
    assert rows(folder / "test") == [("cat/1.png", 0), ("dog/1.png", 1)]


def test_a_table_above_that_names_no_image_here_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_text("filename,class_index\nother.png,5\n")
    (tmp_path / "here").mkdir()
    with pytest.raises(
        sa.InputError, match=r"expected images of .*here in .*, received 'other.png', which does not exist"
    ):
        read(tmp_path / "here")


def test_the_version_changes_with_names_and_sizes(tmp_path):
    folder = write(tmp_path, "cat/1.png", "dog/1.png")
    first = read(folder).version
    assert read(folder).version == first
    (folder / "cat").rename(folder / "elk")
    second = read(folder).version
    (folder / "dog" / "1.png").write_bytes(b"shorter")
    assert len({first, second, read(folder).version}) == 3
