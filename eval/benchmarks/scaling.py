"""Time and peak memory of `python -m eval.attack`, which streams its data, by the number of images."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tf_strattack import shipped

from .child import measure_child

COLUMNS = (
    "num_images",
    "num_examples",
    "seconds",
    "seconds_per_image",
    "peak_mib",
    "dataset_mib",
    "peak_over_smallest",
)
# The batch size does not depend on the number of images, so that only streaming can make a difference.
_QUICK = (
    "--attack_parameters=max_iterations=5,fallback.max_iterations=5,refine=False",
    "--targets=random",
    "--batch_size=64",
)
_NOISE = 4  # levels of 255: makes all images different, and nearly all are still classified correctly
_MIB = 2**20


def measure_scaling(numbers: Sequence[int], seed: int) -> list[dict[str, Any]]:
    """Runs the program on each number of images, a row for each; "dataset_mib" is the size of the images in memory."""
    measured: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        for number in tqdm(sorted(numbers), desc="scaling", leave=False):
            directory = Path(temporary) / str(number)
            directory.mkdir()
            size = write_digits(directory / "digits.npz", number, seed)
            cost = measure_child(
                "eval.attack",
                f"--dataset={directory / 'digits.npz'}",
                f"--num_images={number}",
                f"--seed={seed}",
                f"--output_dir={directory / 'run'}",
                *_QUICK,
            )
            metrics = json.loads((directory / "run" / "metrics.json").read_text())
            measured.append(
                {
                    "num_images": number,
                    "num_examples": metrics["num_examples"],
                    "seconds": cost.seconds,
                    "seconds_per_image": cost.seconds / number,
                    "peak_mib": cost.peak_bytes / _MIB,
                    "dataset_mib": size / _MIB,
                }
            )
            measured[-1]["peak_over_smallest"] = measured[-1]["peak_mib"] / measured[0]["peak_mib"]
    return measured


def write_digits(path: Path, number: int, seed: int) -> int:
    """Writes shipped digits, repeated with noise, as 8-bit images for --dataset; returns their size in bytes."""
    images, labels, _ = shipped.load_sample()
    rows = np.arange(number) % len(images)
    noise = np.random.default_rng(seed).integers(-_NOISE, _NOISE + 1, (number, *images.shape[1:]))
    noisy = np.clip(np.rint(images * 255).astype(np.int64)[rows] + noise, 0, 255).astype(np.uint8)
    np.savez(path, images=noisy, labels=labels[rows])
    return noisy.nbytes
