"""Bad inputs over all programs: each ends with status 2 and one line, and changes nothing on the disk."""

import os

import numpy as np
import pytest

from tests.programs import server_of
from tests.slow import first_quick

LONG = "a" * 5000
# Programs that attack, with what makes their other flags right, and quick.
ATTACKING = {
    "eval.attack": [],
    "eval.imagenet": ["--model=mnist_cnn", "--dataset=sample", "--groups=squares:2"],
    "eval.generate": [],
    "eval.table1": ["--attacks=fgm_l2"],
    "eval.interpretability": ["--attacks=fgm_l2"],
    "eval.defenses": ["--data_dir=nowhere"],
}
# {} is a folder with what a user may have: file, a text; loop, a link to itself; broken, a link to nothing; pipe.npz
# and pipe.keras, pipes; theirs, a folder of others; empty.keras and sm/saved_model.pb, both empty; odd, data sets that
# are none.
EVERYWHERE = [
    ("--bogus=1", "Unknown command line flag 'bogus'"),
    ("stray", "expected flags of the form --name=value, received 'stray'"),
    ("--flagfile={}/none", "expected --flagfile to be a text file"),
    ("--flagfile={}/binary", "expected --flagfile to be a text file in UTF-8"),
    ("--seed=-1", "--seed"),
    ("--seed=99999999999999999999", "--seed"),
    ("--seed=²", "--seed"),
    ("--output_dir={}/file", "which is a file"),
    ("--output_dir={}/file/x", "expected --output_dir to be a directory"),
    ("--output_dir={}/loop/x", "Too many levels of symbolic links"),
    ("--output_dir={}/broken/x", "which does not exist: make it, or remove the link"),
    ("--output_dir=/proc/x", "expected --output_dir to be a directory to write in"),
    (f"--output_dir={LONG}", "File name too long"),
    ("--output_dir={}/theirs", "to be new, empty or a run of these programs"),
    ("--output_dir={}/caf\udce9", "in UTF-8"),
    ("--num_images=0", "--num_images"),
    ("--num_images=-3", "--num_images"),
    ("--num_images=x", "--num_images"),
    ("--targets=²", "expected --targets to be"),
    ("--targets=3", "received '3'"),
    ("--targets=random:0", "expected --targets to be"),
    ("--targets=random:10", "expected --targets of at most 9"),
    ("--targets=class:-1", "expected --targets to be"),
    ("--targets=", "expected --targets to be"),
    ("--batch_size=²", "expected --batch_size to be a whole number"),
    ("--batch_size=0", "expected --batch_size to be a whole number"),
    ("--batch_size=1e3", "expected --batch_size to be a whole number"),
    (f"--batch_size={10**30}", "expected --batch_size to be a whole number"),
    ("--groups=squares:0", "expected --groups with numbers of at least 1, received 'squares:0'"),
    ("--groups=circles:3", "expected --groups=squares:2, squares:3,2"),
    ("--groups=rows:2", "expected --groups=squares:2, squares:3,2"),
    ("--groups=superpixels", "expected --groups=squares:2, squares:3,2"),
    ("--groups=squares:2,3", "expected stride to be a number at least 1 and at most 2, received 3"),
    ("--groups=file:none.npz", "none.npz"),
    ("--groups=squares:29", "expected group_size from 1 to the image's shorter side 28, received 29"),
    ("--workers=2", "expected --ray with --workers"),
    ("--cpus_per_worker=0", "--cpus_per_worker"),
    ("--ray=nowhere", "no address of the form host:port"),
    ("--verify --overwrite", "expected --verify without --overwrite"),
]
# What names models and data sets; eval.defenses trains its own networks on those of TFDS.
OF_INPUTS = [
    ("--bounds=1,0", "expected"),
    ("--bounds=0", "expected --bounds=lower,upper"),
    ("--bounds=0,x", "expected --bounds=lower,upper"),
    ("--bounds=0,inf", "expected"),
    ("--model={}/none.keras", "expected --model to be one of"),
    ("--model={}/empty.keras", "neither an archive of Keras nor HDF5"),
    ("--model={}/pipe.keras", "which is no"),
    ("--model={}/file", "expected"),
    ("--model={}/sm", "whose saved_model.pb is empty"),
    ("--model={}/theirs", "expected"),
    (f"--model={LONG}", "File name too long"),
    ("--model_options=output", "expected --model_options"),
    ("--dataset={}/none.npz", "which does not exist"),
    ("--dataset={}/pipe.npz", "which is not a file"),
    ("--dataset={}/file", "expected"),
    ("--dataset={}/theirs", "labels.csv"),
    (f"--dataset={LONG}", "File name too long"),
    ("--dataset={}/odd/text.npz", "store the pixels themselves"),
    ("--dataset={}/odd/deep.npz", "expected images (N, H, W, C)"),
    ("--dataset={}/odd/nan.npz", "expected uint8 pixels or floating-point ones in [0, 1]"),
    ("--dataset={}/odd/labels.npz", "expected labels from 0 to 9"),
    ("--dataset={}/odd/outside", "add --allow_outside if this is intended"),
    ("--dataset={}/odd/linked", "add --allow_outside if this is intended"),
    ("--dataset={}/odd/pipe", "which is not a file"),
    ("--dataset={}/odd/circle", "expected"),
    ("--dataset={}/odd/control", r"\x1b]0;owned"),
    ("--resize=²", "expected --resize to be"),
    ("--resize=99999999999", "expected --resize of at most 10000 pixels"),
    ("--resize=-5", "expected --resize"),
]
OWN = {
    "eval.attack": [
        ("--attack=strattak", "did you mean strattack"),
        ("--attack_parameters=tau", "expected --attack_parameters=name=value"),
        ("--attack_parameters=taw=1", "did you mean tau"),
        (f"--attack_parameters=tau={10**60}", "expected tau to be a number at least 0"),
        ("--attack_parameters=tau=nan", "expected tau"),
        ("--attack_parameters=epsilon=300/255", "expected epsilon"),
        ("--attack_parameters=group_size=29", "expected group_size from 1 to"),
        (f"--attack_parameters=group_size={10**30}", "expected group_size"),
        ("--attack_parameters=refine.max_iterations=-1", "expected refine.max_iterations to be"),
        ("--attack_parameters=refine_iterations=5", "expected refine.max_iterations, received refine_iterations"),
        ("--attack_parameters=restarts=-1", "expected restarts to be"),
        ("--attack_parameters=fallback.max_iterations=0", "expected fallback.max_iterations to be"),
        ("--list_attacks=deepfool", "expected --attack to be one of"),
        ("--tensorboard_dir={}/file/logs", "expected --tensorboard_dir to be a directory"),
        ("--tensorboard_dir={}/broken", "which does not exist: make it, or remove the link"),
        ("--tensorboard_dir=/proc/x", "expected --tensorboard_dir to be a directory"),
        ("--tensorboard_dir={}/logs --ray=local", "expected --tensorboard_dir without --ray"),
    ],
    "eval.generate": [
        ("--shard_index=1", "expected --num_shards with --shard_index"),
        ("--num_shards=2 --shard_index=2", "expected --shard_index from 0 to 1"),
        ("--shard_size=0", "--shard_size"),
        ("--png_dir={}/png", "expected --quantize=uint8 with --png_dir"),
        ("--quantize=int4", "--quantize to be one of uint8, received 'int4'"),
        ("--quantize=uint8 --png_dir={}/theirs", "expected --png_dir to be new, empty or a run"),
        ("--quantize=uint8 --png_dir={}/file/x", "expected --png_dir to be a directory"),
        ("--quantize=uint8 --png_dir={}/loop", "expected"),
        ("--quantize=uint8 --png_dir=/proc/x", "expected --png_dir to be a directory"),
        ("--quantize=uint8 --png_dir={}/out/eval.generate/png", "expected --png_dir outside --output_dir"),
        ("--quantize=uint8 --png_dir={}", "expected --png_dir outside --output_dir"),
    ],
    "eval.table1": [("--taus=0", "expected --taus to be positive"), ("--attacks=", "expected at least one attack")],
    "eval.interpretability": [
        ("--percentiles=100", "expected --percentiles between 0 and 100"),
        ("--form=61", "--form to be one of pair, full, received '61'"),
    ],
    "eval.defenses": [
        ("--defenses=strong", "expected --defenses to be of"),
        ("--temperatures=²", "expected --temperatures to be positive numbers"),
        ("--dataset=sample", "expected --dataset to be one of mnist, cifar10"),
    ],
    "eval.benchmark": [
        ("--output_dir={}/file", "which is a file"),
        ("--output_dir={}/theirs", "to be new, empty or a run of these programs"),
        (f"--output_dir={LONG}", "File name too long"),
        ("--sections=all", "--sections"),
        ("--nets=none", "--nets"),
    ],
    "training.train": [
        ("--output={}/file/x.keras", "expected --output"),
        ("--output=/proc/x.keras", "expected --output"),
        ("--output={}/x.txt", "expected --output to end in .keras"),
        (f"--output={LONG}.keras", "File name too long"),
        ("--variant=pgd --epsilon=5", "expected --epsilon in [0, 1] scale"),
        ("--epochs=0", "--epochs"),
        ("--learning_rate=nan", "--learning_rate"),
        ("--dataset=fruit", "--dataset"),
    ],
    "training.sample": [
        ("--output={}/x.txt", "expected --output to end in .npz"),
        ("--output={}/file/x.npz", "expected --output in a directory"),
        (f"--output={LONG}.npz", "File name too long"),
        ("--number=0", "--number"),
    ],
}
CASES = [(program, *case) for program in ATTACKING for case in EVERYWHERE]
CASES += [(program, *case) for program in ATTACKING if program != "eval.defenses" for case in OF_INPUTS]
CASES += [(program, *case) for program, cases in OWN.items() for case in cases]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with what a user may have."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "file").write_text("mine")
    (folder / "binary").write_bytes(bytes(range(128, 256)))
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "broken").symlink_to(folder / "nowhere")
    for name in ("pipe.npz", "pipe.keras"):
        os.mkfifo(folder / name)
    (folder / "theirs").mkdir()
    (folder / "theirs" / "thesis.txt").write_text("precious")
    (folder / "empty.keras").touch()
    (folder / "sm").mkdir()
    (folder / "sm" / "saved_model.pb").touch()
    odd = folder / "odd"
    images, labels = np.zeros((2, 28, 28, 1)), np.zeros(2, int)
    for name in ("outside", "linked", "pipe", "control", "circle"):
        (odd / name).mkdir(parents=True)
    np.savez(odd / "text.npz", images=images.astype(str), labels=labels)
    np.savez(odd / "deep.npz", images=images[None], labels=labels)
    np.savez(odd / "nan.npz", images=images * np.nan, labels=labels)
    np.savez(odd / "labels.npz", images=images, labels=labels + 20)
    os.mkfifo(odd / "pipe" / "a.png")
    (odd / "linked" / "a.png").symlink_to(folder / "file")
    (odd / "circle" / "a.png").symlink_to(odd / "circle" / "a.png")
    tables = {
        "circle": "a.png",
        "outside": "../../file",
        "linked": "a.png",
        "pipe": "a.png",
        "control": "\x1b]0;owned\x07\x1b[2J.png",
    }
    for name, file in tables.items():
        (odd / name / "labels.csv").write_text(f"filename,class_index\n{file},3\n")
    return folder


def snapshot(folder):
    """What is in a folder, files with their content; a folder or a claim of a run's own does not count."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in sorted(folder.rglob("*"))
        if "out" not in path.relative_to(folder).parts
    }


@pytest.mark.parametrize("every", first_quick([4, 1]))
@pytest.mark.parametrize("program", [*ATTACKING, *(name for name in OWN if name not in ATTACKING)])
def test_a_bad_input_gets_one_line_and_changes_nothing(program, every, place):
    before, here = snapshot(place), sorted(os.listdir())
    for _, text, message in [case for case in CASES if case[0] == program][::every]:
        given = [part.replace("{}", str(place)) for part in text.split(" ")]
        arguments = [*ATTACKING.get(program, []), *given]
        if program in ATTACKING and "--output_dir" not in text:
            arguments.append(f"--output_dir={place / 'out' / program}")
        status, _, err = server_of(program).run(*arguments)
        case = program, text[:80], err[-600:]
        assert status == 2, case
        last = err.strip().splitlines()[-1]
        assert last.startswith("error: "), case
        assert err.count("error: ") == 1, case
        assert "Traceback" not in err, case
        assert message in last, case
        assert len(last) < 2000, case
    assert snapshot(place) == before
    assert sorted(os.listdir()) == here


def test_there_are_at_least_150():
    assert len(CASES) >= 150
