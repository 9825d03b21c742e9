# What a stranger types. On Windows use the plain commands of the README.
PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin

.PHONY: train test lint

train: $(VENV)/installed
	$(BIN)/python train.py hparams/train.yaml

test: $(VENV)/installed
	$(BIN)/python -m pip install -q -r tests/requirements.txt
	$(BIN)/python -m pytest

lint: $(VENV)/installed
	$(BIN)/python -m pip install -q -r tests/requirements.txt
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint --strict .
	$(BIN)/codespell

$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -r requirements.txt
	touch $@
