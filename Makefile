# Every command sets itself up in .venv, from the versions in constraints.txt, and is fast the
# second time. Nothing is installed into your own Python.
#
#   make demo    the main job: BALD against Random on real digits, a table and a plot
#   make test    the tests, with branch coverage
#   make lint    ruff and mypy
#   make bench   the benchmarks, as ratios
#   make docs    the site, into site/
#   make tutorials     executes the notebooks of docs/tutorials in place
#   make test-tutorials   the tests that execute each in a copy, and look at it as committed
#   make soak    the long versions of the crash and fuzz tests
#   make fuzz    the property tests with new and many more examples
#   make test-oldest   the tests with the oldest versions that the lower bounds allow
#   make test-vision   the tests that need torchvision, in .venv-vision
#
# PYTHON=python3.12 make test      uses another Python
# make demo ARGS="--seeds 0 1"     passes options to the main job (ARGS=--help lists them)

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
OUT ?= runs/mnist_mcdropout
# Only the demo's own folder is overwritten without being asked to.
OVERWRITE = $(if $(or $(filter-out runs/mnist_mcdropout,$(OUT)),$(findstring --out,$(ARGS))),,--overwrite)
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check
# Their examples and their coverage are not for `make test`: see conftest.py.
NEED_TORCHVISION = baal/experiments/datasets/cifar.py baal/experiments/vision_models.py
TORCH = $(shell grep '^torch==' constraints.txt)
# One thread: with small models two threads on a busy machine stall each other.
RUN = OMP_NUM_THREADS=1 MPLBACKEND=Agg $(VENV)/bin/python

.PHONY: demo test lint bench docs tutorials test-tutorials soak fuzz test-oldest \
	test-vision clean

demo: $(VENV)/ready
	$(RUN) experiments/mnist_mcdropout.py --out $(OUT) $(OVERWRITE) $(ARGS)

test: $(VENV)/ready
	$(RUN) -m coverage erase
	$(RUN) -m pytest --cov --cov-report=term $(ARGS)

lint: $(VENV)/ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(VENV)/ready
	for script in experiments/benchmarks/*.py; do $(RUN) $$script $(ARGS) || exit 1; done

docs: $(VENV)/ready-docs
	$(VENV)/bin/mkdocs build --strict $(ARGS)

tutorials: $(VENV)/ready-docs
	$(RUN) tests/tutorials/notebooks.py docs/tutorials/*.ipynb

# The checks of what is committed need no kernel: they are among the plain tests as well.
test-tutorials: $(VENV)/ready-docs
	$(RUN) -m pytest -m 'not soak' tests/tutorials $(ARGS)

soak: $(VENV)/ready
	$(RUN) -m pytest -m soak $(ARGS)

fuzz: $(VENV)/ready
	$(RUN) -m pytest -m 'hypothesis and not soak' --hypothesis-profile fuzz $(ARGS)

test-oldest:
	$(MAKE) VENV=.venv-oldest .venv-oldest/ready-oldest
	OMP_NUM_THREADS=1 MPLBACKEND=Agg .venv-oldest/bin/python -m pytest $(ARGS)

# An environment of its own: beside a torch for the CPU alone, torchvision breaks what imports it.
test-vision:
	$(MAKE) VENV=.venv-vision .venv-vision/ready-vision
	OMP_NUM_THREADS=1 MPLBACKEND=Agg .venv-vision/bin/python -m pytest tests/vision \
		$(NEED_TORCHVISION) --cov --cov-config=tests/vision/coverage.toml --cov-report=term $(ARGS)

clean:
	rm -rf .venv .venv-oldest .venv-vision site

# torch comes first and pinned. Where pip is offered a build for the CPU alone it takes that one; on
# Linux the one on PyPI brings CUDA along, some gigabytes.
$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) '$(TORCH)'

$(VENV)/ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --constraint constraints.txt --editable '.[dev]'
	touch $@

# The photographs of one tutorial lie in the package deepforest, which is never imported. What it
# depends on is left out: much, and a torchvision among it that this environment must not have.
$(VENV)/ready-docs: $(VENV)/ready
	$(PIP) --constraint constraints.txt --editable '.[docs]'
	$(PIP) --constraint constraints.txt --no-deps deepforest
	touch $@

$(VENV)/ready-oldest: pyproject.toml constraints-oldest.txt | $(VENV)/bin/python
	$(PIP) --constraint constraints-oldest.txt --editable '.[dev]'
	touch $@

$(VENV)/ready-vision: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --constraint constraints.txt --editable '.[vision,plot]' hypothesis pytest pytest-cov
	touch $@
