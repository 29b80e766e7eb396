# make setup | test | test-long | test-kilted | demo | train | lint | format | clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
INSTALL := -m pip install --disable-pip-version-check --quiet
PIP := $(BIN)/python $(INSTALL)
# A second environment, with ROS 2 Kilted instead of Jazzy
KILTED := .venv-kilted
# A domain of its own, so that tests and demo do not hear a robot's graph, nor it them.
ifndef ROS_DOMAIN_ID
export ROS_DOMAIN_ID := $(shell echo $$(( $$$$ % 100 + 1 )))
endif

.PHONY: setup test test-long test-kilted demo train lint format clean

setup: $(STAMP)

$(STAMP): .ci/system-packages requirements.txt requirements-ros.txt requirements-dev.txt setup.py
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed; set PYTHON=')"
	.ci/system-packages
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) "$$(grep '^torch==' requirements.txt)"
	$(PIP) -r requirements-dev.txt
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(BIN)/python -m pytest -m "not long"

test-long: setup
	$(BIN)/python -m pytest -m long

$(KILTED)/.installed: .ci/system-packages requirements.txt requirements-ros-kilted.txt requirements-dev.txt setup.py
	.ci/system-packages
	test -x $(KILTED)/bin/python || $(PYTHON) -m venv $(KILTED)
	$(KILTED)/bin/python $(INSTALL) "$$(grep '^torch==' requirements.txt)"
	$(KILTED)/bin/python $(INSTALL) -r requirements.txt -r requirements-ros-kilted.txt \
	    $$(grep -E '^(pytest|hypothesis)==' requirements-dev.txt)
	$(KILTED)/bin/python $(INSTALL) --no-deps --no-build-isolation -e .
	touch $@

# what meets ROS: the adapters, the nodes, the demo
test-kilted: $(KILTED)/.installed
	$(KILTED)/bin/python -m pytest -m "not long" test/ros test/nodes
	$(KILTED)/bin/gsn demo --out demo-kilted

demo: setup
	$(BIN)/gsn demo --out demo

# OBJECTS=DIR adds a folder of scans to the project's own objects
train: setup
	$(BIN)/gsn data --own 640 --out cache/own
	$(if $(OBJECTS),$(BIN)/gsn data --objects $(OBJECTS) --out cache/objects)
	$(BIN)/gsn train --data cache/own $(if $(OBJECTS),cache/objects cache/objects) --minutes 100 --out runs/gsn

clean:
	rm -rf build install log dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -not -path "./$(VENV)/*" -not -path "./$(KILTED)/*" -prune -exec rm -rf {} +
