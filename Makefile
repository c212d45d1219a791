# make demo    sets everything up and runs the whole method on a phantom
# make test    sets everything up and passes lint, types and tests
# make clean   removes the environments and what the demo wrote

SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
# kfp wants other versions of protobuf and requests than the tests' environment has, so it has one of its own;
# the steps of a compiled pipeline are run by the tests' Python.
KUBEFLOW ?= .venv-kubeflow
# onnxruntime-gpu where an NVIDIA driver answers, onnxruntime elsewhere.
# ruff does not follow the links, mypy does.
CODE := lungnet components serving tests benchmarks notebooks setup.py
RUNTIME := $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)

.PHONY: demo test lint types imports tests kubeflow examples clean

demo: $(VENV)/.installed
	$(BIN)/lungnet demo

test: lint types imports tests

lint: $(VENV)/.installed-test
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

types: $(VENV)/.installed-test
	$(BIN)/mypy

imports: $(VENV)/.installed-test
	$(BIN)/lint-imports

tests: $(VENV)/.installed-test kubeflow examples
	$(BIN)/pytest

kubeflow: $(KUBEFLOW)/.installed

$(VENV)/bin/python:
	@for candidate in python3.13 python3.12 python3.11 python3; do \
	  if $$candidate -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    if $$candidate -c 'import ensurepip, venv' 2>/dev/null; then \
	      echo "Setting up $(VENV) with $$($$candidate --version)"; \
	      rm -rf $(VENV); exec $$candidate -m venv $(VENV); \
	    fi; \
	    found=$$candidate; \
	  fi; \
	done; \
	if [ -n "$$found" ]; then \
	  echo "lungnet: $$found lacks the module venv; install it (Debian and Ubuntu: apt-get install python3-venv)." >&2; \
	else \
	  echo "lungnet: Python 3.11, 3.12 or 3.13 is needed, and none was found on the PATH." >&2; \
	fi; exit 1

$(VENV)/.installed: setup.py constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,$(RUNTIME)]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,$(RUNTIME),beam,dicom,server,test]'
	@touch $@

$(KUBEFLOW)/.installed: setup.py constraints-kubeflow.txt | $(VENV)/bin/python
	rm -rf $(KUBEFLOW)
	$(BIN)/python -m venv $(KUBEFLOW)
	$(KUBEFLOW)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-kubeflow.txt -e '.[kubeflow]'
	@touch $@

# JavaScript of serving/examples; its tests skip where npm is not there. No install scripts: they fetch CUDA.
EXAMPLES := serving/examples
examples:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(EXAMPLES)/node_modules/.installed; \
	else echo "lungnet: npm is not installed; the examples for Node and browsers are not tested." >&2; fi

$(EXAMPLES)/node_modules/.installed: $(EXAMPLES)/package-lock.json
	npm ci --prefix $(EXAMPLES) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clean:
	rm -rf $(VENV) $(KUBEFLOW) $(EXAMPLES)/node_modules lungnet-demo build *.egg-info
