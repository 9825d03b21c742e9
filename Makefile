# On Windows, or without make, use the plain commands of the README.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: train test lint

train: .venv/installed
	$(BIN)/python train.py hparams/train.yaml

test: .venv/installed
	$(BIN)/python -m pytest

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint --strict .
	$(BIN)/codespell

.venv/installed: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -r requirements.txt
	touch $@
