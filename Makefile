# Two commands for a newcomer: `make demo` and `make test`. Everything lives in .venv.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
DOCS_STAMP := .venv/.installed-docs
OLDEST_PYTHON ?= python3.11
OLDEST := .venv-oldest

.PHONY: demo test test-slow test-browser test-oldest lint flags docs notebooks wheel clean

demo: $(STAMP)
	$(BIN)/python -m eval.attack

# In two processes of one thread each, a file in one of them: most of the time is TensorFlow's start and tracing.
test: lint
	TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile

# The site is built there, and the notebooks are executed.
test-slow: $(DOCS_STAMP)
	$(BIN)/python -m pytest -q -m slow

# In headless Chromium: Debian's package chromium, or the program that CHROMIUM names.
test-browser: $(STAMP)
	$(BIN)/python -m pytest -q -m browser -rs

# With the lowest versions that requirements.txt and requirements-dev.txt admit, on the lowest Python.
test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pytest -q -n 2 --dist loadfile

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The tables of flags in docs/programs/, from the programs themselves.
flags: $(STAMP)
	$(BIN)/python docs/site/flags.py

# site/, to be read from a web server: python -m http.server -d site. The variable silences a notice of the theme.
docs: $(DOCS_STAMP) flags
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# Runs the tutorials and stores their outputs.
notebooks: $(DOCS_STAMP)
	$(BIN)/python -m tests.notebooks

wheel: $(STAMP)
	$(BIN)/python -m build

$(STAMP): requirements.txt requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.txt -r requirements-dev.txt
	touch $@

$(DOCS_STAMP): $(STAMP) requirements-docs.txt
	$(BIN)/python -m pip install --quiet -r requirements-docs.txt
	touch $@

# Each "name>=low,<high" becomes a constraint "name==low"; what they need in turn is the newest.
$(OLDEST)/.installed: requirements.txt requirements-dev.txt
	$(OLDEST_PYTHON) -m venv $(OLDEST)
	sed -n 's/^\([A-Za-z0-9_-]*\)>=\([0-9.]*\).*/\1==\2/p' requirements.txt requirements-dev.txt > $(OLDEST)/lowest.txt
	$(OLDEST)/bin/python -m pip install --quiet -r requirements.txt -r requirements-dev.txt -c $(OLDEST)/lowest.txt
	touch $@

clean:
	rm -rf .venv .venv-oldest build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache
