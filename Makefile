# Every target works alone on a machine that has only Python >= 3.11 (with venv): the first one makes .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
export PYTHON VENV

.PHONY: demo test test-slow check bench bench-peers size gallery clean
.DEFAULT_GOAL := test

$(VENV)/.installed: pyproject.toml constraints.txt
	scripts/venv

demo: $(VENV)/.installed
	$(VENV)/bin/spikelet train digits --out runs/demo --overwrite

test: $(VENV)/.installed
	scripts/test

test-slow: $(VENV)/.installed
	scripts/test-slow

check: $(VENV)/.installed
	scripts/check

bench: $(VENV)/.installed
	scripts/bench

bench-peers:
	scripts/bench-peers

size: $(VENV)/.installed
	scripts/size

gallery: $(VENV)/.installed
	$(VENV)/bin/python -m spikelet.experiments.gallery docs/gallery
	$(VENV)/bin/python -m spikelet.experiments.plot_gallery docs
	$(VENV)/bin/python -m spikelet.experiments.reproduced docs

clean:
	rm -rf $(VENV) runs
