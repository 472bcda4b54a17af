"""The wheel: the library with its shipped networks and digits; the programs as tf_strattack.eval and .training."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


# The folders of a checkout that are packages of the library where it is installed.
PROGRAMS = ("eval", "training")


def requirements(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def packages() -> list[str]:
    own = find_packages(include=["tf_strattack", "tf_strattack.*"])
    programs = find_packages(include=[name for folder in PROGRAMS for name in (folder, f"{folder}.*")])
    return [*own, *(f"tf_strattack.{name}" for name in programs)]


def cited(name: str) -> str | None:
    """An entry of CITATION.cff."""
    found = re.search(rf'^{name}: "?([^"\n]+)"?$', read("CITATION.cff"), re.MULTILINE)
    return None if found is None else found[1]


def about() -> str:
    """README.md for an index page, which cannot follow paths: addresses within the sources, if they have one."""
    text, home = read("README.md"), cited("repository-code")
    if home is None:
        text = re.sub(r"^!\[[^]]*\]\([^)]*\)\n", "", text, flags=re.MULTILINE)
        return re.sub(r"\[([^]]*)\]\((?!https?:|#)[^)]+\)", r"\1", text)
    text = re.sub(r"!\[([^]]*)\]\((?!https?:)([^)]+)\)", rf"![\1]({home}/raw/main/\2)", text)
    return re.sub(r"(?<!!)\[([^]]*)\]\((?!https?:|#)([^)]+)\)", rf"[\1]({home}/blob/main/\2)", text)


def urls() -> dict[str, str]:
    home = cited("repository-code")
    own = {"Source": home, "Issues": f"{home}/issues"} if home else {}
    return {**own, "Paper": "https://arxiv.org/abs/1808.01664"}


LIBRARY, EXTRA = re.split(r"^# The programs.*$", read("requirements.txt"), flags=re.MULTILINE)


def version() -> str:
    found = re.search(r'__version__ = "([^"]+)"', read("tf_strattack/versions.py"))
    if found is None:
        raise RuntimeError("tf_strattack/versions.py names no version")
    return found[1]


setup(
    name="tf-strattack",
    version=version(),
    description="Structured adversarial attacks (StrAttack, ICLR 2019) for TensorFlow and Keras",
    long_description=about(),
    long_description_content_type="text/markdown",
    author="The tf_strattack developers",
    project_urls=urls(),
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords=["adversarial examples", "adversarial attacks", "StrAttack", "ADMM", "robustness", "TensorFlow", "Keras"],
    classifiers=[
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Security",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=packages(),
    package_dir={f"tf_strattack.{name}": name for name in PROGRAMS},
    entry_points={
        "console_scripts": ["strattack = tf_strattack.programs.console:main"],
        # MAITE takes the name of a group for that of the protocol, and checks the classes in it by their types.
        "maite.protocols.image_classification.Augmentation": [
            f"tf_strattack_{name} = tf_strattack.interop.maite:{name}"
            for name in ("StructuredAttack", "PGD", "SigmaZero")
        ],
        "maite.protocols.image_classification.Model": [
            "tf_strattack_ClassifierModel = tf_strattack.interop.maite:ClassifierModel"
        ],
    },
    package_data={
        "tf_strattack": ["py.typed", "*.pyi"],
        "tf_strattack.shipped": ["*.keras", "*.json", "*.npz"],
        "tf_strattack.interop.dioptra": ["*.toml", "*.yml"],
        "tf_strattack.eval.report": ["*.j2", "*.css", "*.js"],
        "tf_strattack.eval.schemas": ["*.json"],
    },
    install_requires=requirements(LIBRARY),
    extras_require={
        "programs": requirements(EXTRA),
        "dev": requirements(read("requirements-dev.txt")),
        "docs": requirements(read("requirements-docs.txt")),
        "tensorboard": ["tensorboard>=2.17,<3"],
        "ray": ["ray>=2.40,<3"],
        "foolbox": ["foolbox>=3.3.4,<4"],
        "maite": ["maite>=0.10,<1"],
        "parquet": ["pyarrow>=17,<27"],
        "dioptra": ["dioptra-platform>=1.2,<2"],
        "plot": ["matplotlib>=3.9,<4"],
        "pandas": ["pandas>=2.2,<4"],
        "superpixels": ["scikit-image>=0.24,<1"],
        "torch": ["torch>=2.6,<3"],
        "art": ["adversarial-robustness-toolbox>=1.20,<2", "tqdm>=4.66,<5"],
    },
)
