"""Keras files with any name: recognised by their first bytes, and read in the safe mode of Keras."""

from __future__ import annotations

import tempfile
import warnings
import zipfile
from pathlib import Path

import h5py
import keras

from tf_strattack.classifiers.backend import check_backend
from tf_strattack.errors import InputError
from tf_strattack.runtime.causes import cause_of
from tf_strattack.runtime.loading import check_is_there, load_or_explain

_HDF5 = b"\x89HDF\r\n\x1a\n"


def load_keras(path: Path) -> keras.Model:
    """Loads a whole model from `path`, a `.keras` archive or an HDF5 file of Keras 3 or 2, with any suffix or none.

    Raises:
      InputError: another kind of file, one that cannot be read, or that holds Python code, which safe mode refuses; or
        another backend of Keras than TensorFlow.
    """
    check_is_there(path, "a Keras model")
    check_backend()
    suffix = _kind(path)

    def load() -> keras.Model:
        # Keras goes by the suffix.
        with tempfile.TemporaryDirectory() as directory:
            named = path
            if path.suffix != suffix:
                named = Path(directory) / f"model{suffix}"
                named.symlink_to(path.resolve())
            try:
                with warnings.catch_warnings():  # advice to the author of the model
                    warnings.simplefilter("ignore")
                    return keras.saving.load_model(named, compile=False, safe_mode=True)
            except Exception as error:  # from Keras, h5py, or a layer that is built
                raise InputError(f"expected a Keras model, received {path}, which {_reason(path, error)}") from error

    return load_or_explain(load, path, "a Keras model")


def _kind(path: Path) -> str:
    """The suffix that a file should have."""
    with path.open("rb") as file:
        first = file.read(len(_HDF5))
    if first == _HDF5:
        if not load_or_explain(lambda: _holds_model(path), path, "a Keras model"):
            raise InputError(
                f"expected a whole Keras model, received {path}, which holds weights alone: make the model, "
                "model.load_weights(path), and pass it to Classifier.from_keras, or save it by model.save"
            )
        return ".h5"
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if "config.json" in archive.namelist():
                return ".keras"
    raise InputError(
        f"expected a Keras file or a SavedModel directory, received {path}, which cannot be read: it is neither an "
        "archive of Keras nor HDF5"
    )


def _holds_model(path: Path) -> bool:
    with h5py.File(path) as file:
        return "model_config" in file.attrs


def _reason(path: Path, error: Exception) -> str:
    if "safe_mode" in str(error):  # the remedy of Keras names an argument that does not exist here
        return (
            "cannot be read: it holds Python code, which Keras's safe mode refuses; if you trust it, pass a model, "
            "loaded by keras.saving.load_model(path, safe_mode=False), to Classifier.from_keras"
        )
    if _is_of_keras2(path):
        return (
            f"Keras {keras.__version__} cannot read, as Keras 2 made it ({cause_of(error).rstrip('.')}): pip install "
            f"tf_keras, and convert it, tf_keras.models.load_model({str(path)!r}, compile=False).export('saved_model')"
        )
    cause = cause_of(error)
    if "Could not locate" in cause:
        return (
            f"cannot be read: {cause.partition('. ')[0]}: load it with its code and pass the model to "
            "Classifier.from_keras, or export it, model.export('saved_model'), and load that"
        )
    return f"cannot be read: {cause}"


def _is_of_keras2(path: Path) -> bool:
    try:
        with h5py.File(path) as file:
            version = file.attrs.get("keras_version", "")
    except OSError:
        return False
    text = version.decode() if isinstance(version, bytes) else str(version)
    return text.startswith("2.")
