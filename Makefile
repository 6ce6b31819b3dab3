# Everything a person does with the repository. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help setup demo serve worker openapi test chaos soak sdk fuzz mutations any-answer bench check format lock clean

BIN := .venv/bin
READY := .venv/.ready
SOURCES := src tests bench

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with the locked dependencies (the other targets do it by themselves)

$(READY): requirements/dev.txt pyproject.toml
	@python=""; for candidate in python3 python3.13 python3.12 python3.11; do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "imagegen needs Python 3.11 or newer; python3 here is: $$(python3 --version 2>&1)"; exit 1; fi; \
	echo "Setting up .venv with $$($$python --version); about a minute the first time"; \
	$$python -m venv .venv || { echo "This Python cannot make virtual environments: install its venv module"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Make one picture with every model on a local stack, then stay up (ONCE=1: stop there)
	@$(BIN)/imagegen demo $(if $(ONCE),--once)

serve: $(READY) ## Run the service on http://localhost:5000; data is kept under .imagegen/
	@$(BIN)/imagegen serve

worker: $(READY) ## Run one more runner beside a running `make serve`
	@$(BIN)/imagegen worker

openapi: $(READY) ## Write openapi.json anew from the routes and the built-in catalog
	@IMAGEGEN_CATALOG= $(BIN)/imagegen openapi --output openapi.json

test: $(READY) ## Run the whole test suite against real local servers
	$(BIN)/pytest -n 3 $(ARGS)

chaos: $(READY) ## Kill, stop and starve a real fleet under load; print the table (JOBS=2000 KILLS=200 SEED=1, or MINUTES=10)
	$(BIN)/python tests/chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(JOBS),--jobs $(JOBS)) $(if $(KILLS),--kills $(KILLS)) $(if $(PAUSE),--pause $(PAUSE)) \
	  $(if $(BOUND),--bound $(BOUND)) $(if $(PAGE),--page $(PAGE))

soak: $(READY) ## Steady load with faults; is what the processes hold flat? make soak MINUTES=30
	$(BIN)/python tests/soak --minutes $(or $(MINUTES),30) $(ARGS)

sdk: $(READY) ## Generate and try clients for every model, with each of the four generators
	$(BIN)/pytest tests/sdk -m 'matrix or not matrix' $(ARGS)

fuzz: $(READY) ## Try every operation with made-up requests: make fuzz CASES=50000 (FUZZ_SEED=n repeats a run)
	FUZZ_CASES=$(or $(CASES),5000) $(BIN)/pytest -s tests/fuzz

any-answer: $(READY) ## Give jobs every answer that a fal could: make any-answer CASES=10000 (ANY_ANSWER_SEED=n repeats a run)
	ANY_ANSWER_CASES=$(or $(CASES),2000) $(BIN)/pytest -s tests/any_answer

mutations: $(READY) ## Store pictures broken at random, a decoder as the judge: make mutations CASES=10000 (MUTATION_SEED=n)
	MUTATION_CASES=$(or $(CASES),10000) $(BIN)/pytest -s tests/storage/test_mutations.py

bench: $(READY) ## Measure everything, 10 minutes: make bench SUITE=overhead ROUNDS=5 (LITELLM=path for gateway)
	$(BIN)/python -m bench $(SUITE) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

check: $(READY) ## Format, lint, types, layers, then the whole test suite: what CI runs
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory test

format: $(READY) ## Format the code and mend what can be mended
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lock: $(READY) ## Resolve the dependencies anew into requirements/ (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --upgrade --python-version 3.11 \
	  --custom-compile-command "make lock" pyproject.toml --extra local --group dev -o requirements/dev.txt
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 \
	  --custom-compile-command "make lock" -c requirements/dev.txt pyproject.toml -o requirements/runtime.txt

clean: ## Remove the environment, the local servers' data and everything that was generated
	rm -rf .venv .imagegen demo-output .pytest_cache .ruff_cache .hypothesis .schemathesis .import_linter_cache sdk/node_modules bench/node_modules
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
