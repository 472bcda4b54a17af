"""The tutorials in docs/tutorials: run from the first cell to the last. `make notebooks` stores the new outputs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from tests.programs import PATIENCE

ROOT = Path(__file__).parent.parent
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))

# The same whoever runs them: no version of Python, no name of an environment.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}


def execute(path: Path, directory: Path) -> Any:
    """Runs a notebook with `directory` as its working directory, and returns it with the outputs.

    Raises:
      nbclient.exceptions.CellExecutionError: a cell failed.
    """
    import nbclient  # of requirements-docs.txt: not there for the quick tests
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=PATIENCE,
        record_timing=False,
        coalesce_streams=True,
        iopub_timeout=60,
        raise_on_iopub_timeout=True,  # on a busy machine outputs come late, and would be left out
        resources={"metadata": {"path": str(directory)}},
        # What TensorFlow's C++ side writes goes to the terminal; Python's warnings stay in the notebook.
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],
    )
    settings = {
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(directory / ".ipython"),  # not the settings of whoever runs this
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    client.execute(env={**os.environ, **settings})
    notebook.metadata.clear()
    notebook.metadata.update(METADATA)
    return notebook


def main() -> None:
    """Runs every notebook and writes it back."""
    import nbformat

    for path in TUTORIALS:
        print(path.relative_to(ROOT), flush=True)
        with tempfile.TemporaryDirectory() as directory:
            nbformat.write(execute(path, Path(directory)), path)


if __name__ == "__main__":
    main()
