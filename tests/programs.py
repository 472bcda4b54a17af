"""Programs of the checkout as a user runs them, in a process of their own."""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
# StrAttack in a few iterations, where its result does not matter.
QUICK = "--attack_parameters=max_iterations=15,fallback.max_iterations=15,refine.max_iterations=5"
# In fewer still, with which some examples fail.
WEAK = "--attack_parameters=max_iterations=9,fallback.max_iterations=9,refine=False"


# Seconds to wait for what must come: far more than it takes on a busy machine.
PATIENCE = 1800


def start(module, *arguments):
    """Starts `python -m module arguments...`."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell's background jobs ignore Ctrl-C, and their children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run_program(module, *arguments):
    """Its exit status, what it printed, and what it wrote to stderr."""
    process = start(module, *arguments)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


# TensorFlow takes seconds to import, a user's mistake milliseconds to find: processes of tests are forked from one that
# has imported it, but not used it yet, and many command lines share one.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tensorflow", "keras", "tensorflow_datasets", "matplotlib.figure"])


def run_code(code, *arguments):
    """Runs Python code as a program in a process of its own: its exit status, what it printed, and its stderr."""
    with tempfile.TemporaryDirectory() as directory:
        out, err = Path(directory) / "out", Path(directory) / "err"
        process = FORKS.Process(target=_execute, args=(code, [*map(str, arguments)], out, err))
        process.start()
        process.join()
        return process.exitcode, out.read_text(), err.read_text()


def _execute(code, arguments, out, err):
    os.chdir(ROOT)
    for descriptor, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<code>", "exec"), {"__name__": "__main__"})


def load_shipped_networks_once():
    """Gives this process one copy of each shipped network, whose compiled functions then serve all tests.

    `inspect.unwrap` returns the function that loads another copy.
    """
    from tf_strattack import shipped

    load = shipped.load_classifier
    once = functools.cache(load)
    shipped.load_classifier = functools.wraps(load)(lambda name="mnist_cnn": once(name))


class Server:
    """A process in which a program runs again and again, each time as if it had just been started.

    Only the shipped networks stay, with what is compiled for them.
    """

    def __init__(self, module):
        self._ours, theirs = FORKS.Pipe()
        self._process = FORKS.Process(target=_serve, args=(module, theirs), daemon=False)
        self._process.start()
        theirs.close()
        atexit.register(self._process.kill)

    def run(self, *arguments):
        """Its exit status, what it printed, and what it wrote to stderr."""
        self._ours.send(list(map(str, arguments)))
        return self._ours.recv()


def _serve(module_name, requests):
    """Answers command lines until there are no more."""
    os.chdir(ROOT)
    for stream in (sys.stdout, sys.stderr):  # what programs started by this one print
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    from absl.testing import flagsaver

    from tf_strattack.programs.directories import locks

    module = importlib.import_module(module_name)
    load_shipped_networks_once()
    while True:
        try:
            arguments = requests.recv()
        except EOFError:
            return
        sys.argv = [module_name, *arguments]
        out, err, status = io.StringIO(), io.StringIO(), None
        with flagsaver.flagsaver(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                module.cli()
            except SystemExit as end:
                status = end.code
        while locks.held:  # as the end of a process would
            locks.drop(locks.held[-1])
        requests.send((status, out.getvalue(), err.getvalue()))


@functools.cache
def server_of(module):
    """One server of a program for all tests; it ends with them."""
    return Server(module)


def check_mistakes(module, mistakes):
    """Each (arguments, message) ends with status 2 and one line that holds the message; notes may come before it."""
    server = server_of(module)
    for arguments, message in mistakes:
        status, out, err = server.run(*arguments)
        assert status == 2, arguments
        lines = [line for line in err.splitlines() if not line.startswith("note: ")]
        assert len(lines) == 1, (arguments, err)
        assert message in lines[0], (arguments, err)
        assert out == "", arguments
