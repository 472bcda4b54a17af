"""The wheel holds the library with its shipped networks and digits; programs run from a checkout."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def requirements(name: str) -> list[str]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def version() -> str:
    found = re.search(r'__version__ = "([^"]+)"', (HERE / "tf_strattack" / "versions.py").read_text(encoding="utf-8"))
    if found is None:
        raise RuntimeError("tf_strattack/versions.py names no version")
    return found[1]


setup(
    name="tf-strattack",
    version=version(),
    description="Structured adversarial attacks (StrAttack, ICLR 2019) for TensorFlow and Keras",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
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
    packages=find_packages(include=["tf_strattack", "tf_strattack.*"]),
    package_data={"tf_strattack": ["py.typed", "*.pyi"], "tf_strattack.shipped": ["*.keras", "*.json", "*.npz"]},
    install_requires=requirements("requirements.txt"),
    extras_require={
        "dev": requirements("requirements-dev.txt"),
        "docs": requirements("requirements-docs.txt"),
        "tensorboard": ["tensorboard>=2.19,<3"],
        "ray": ["ray>=2.40,<3"],
        "foolbox": ["foolbox>=3.3.4,<4"],
        "plot": ["matplotlib>=3.9,<4"],
        "pandas": ["pandas>=2.2,<4"],
        "art": ["adversarial-robustness-toolbox>=1.20,<2"],
    },
)
