# The commands for this repository; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup dev demo serve worker openapi index pages site test coverage slow sdk check drill chaos soak fuzz any-answer mutations bench format lock clean

BIN := .venv/bin
# Each is touched once its set is installed: what serving needs, and what tests and checks need beside it.
READY := .venv/.ready
DEV := .venv/.dev
SOURCES := src tests bench facts website sdk
# Each worker runs tests that stand together, then takes over some of another's.
SPREAD := -n 4 --dist worksteal
# Slow tests keep the cores busy: with more workers, each would only wait longer.
SPREAD_OF_SLOW := -n 3 --dist worksteal
# For runs of half an hour on a shared machine.
PATIENT := --timeout 300 --reruns 1 -rR

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv with what serving needs, as locked

dev: $(DEV) ## Add what tests and checks need

# pip's output as one line of progress; $(1) is the lock file, $(2) how many packages it brings.
define install
@{ $(BIN)/python -m pip install --disable-pip-version-check --no-input --progress-bar off --require-hashes -r $(1) 2>&1 \
  || echo "setup failed"; } | awk -v total=$(2) -v logfile=.venv/setup.log \
  -f requirements/progress.awk
endef

$(READY): requirements/serve.txt pyproject.toml
	@python=""; for candidate in python3 python3.13 python3.12 python3.11; do \
	  if $$candidate -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "imagegen needs Python 3.11, 3.12 or 3.13; python3 here is: $$(python3 --version 2>&1)"; exit 1; fi; \
	echo "Setting up .venv with $$($$python --version): 0.5 GB, a minute or two the first time"; \
	$$python -m venv .venv || { echo "This Python cannot make virtual environments: install its venv module"; exit 1; }
	$(call install,requirements/serve.txt,$$(grep -c == requirements/serve.txt))
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(READY) requirements/dev.txt
	@echo "Adding what tests and checks need: 0.8 GB more, a minute or two the first time"
	$(call install,requirements/dev.txt,$$(( $$(grep -c == requirements/dev.txt) - $$(grep -c == requirements/serve.txt) )))
	@touch $@

demo: $(READY) ## Make images with six models, then stay up (PORT, ONCE=1)
	@$(BIN)/imagegen demo $(if $(ONCE),--once) $(if $(PORT),--port $(PORT))

serve: $(READY) ## Run the service on localhost:5000 (PORT), data in .imagegen/
	@$(BIN)/imagegen serve $(if $(PORT),--port $(PORT))

worker: $(READY) ## Run another worker beside a running `make serve`
	@$(BIN)/imagegen worker

openapi: $(READY) ## Write openapi.json, and what the clients generate from it
	@IMAGEGEN_CATALOG= $(BIN)/imagegen openapi --output openapi.json
	@$(BIN)/python sdk/generate.py

index: $(DEV) ## Write the index of fal's image endpoints
	@$(BIN)/python -m facts

pages: $(DEV) ## Write the pages that are made from the code
	@$(BIN)/python -m website

site: $(DEV) ## Build the documentation into .site/site; warnings are errors
	@$(BIN)/python -m website.site

# Without bytecode in files, every process that a test starts compiles all sources.
test coverage slow sdk check: export PYTHONDONTWRITEBYTECODE =

test: $(DEV) ## Run the tests that take seconds, against real local servers
	$(BIN)/pytest $(SPREAD) $(ARGS)

coverage: $(DEV) ## Run the tests of `make test`; list lines not run
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(SPREAD) -m 'not (slow or timed or matrix or drill)' $(PATIENT) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

slow: $(DEV) ## Run the slow tests: fleets of processes, many cases
	$(BIN)/pytest $(SPREAD_OF_SLOW) -m 'slow and not (timed or matrix or drill)' $(PATIENT) $(ARGS)

sdk: $(DEV) ## Try generated clients for every model (four generators)
	$(BIN)/pytest tests/sdk -m 'not drill' $(ARGS)

check: $(DEV) ## Format, lint, types, layers, site, tests and sdk: CI's run
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory site
	$(BIN)/pytest -m timed
	$(MAKE) --no-print-directory coverage
	$(MAKE) --no-print-directory slow
	$(MAKE) --no-print-directory sdk

drill: $(DEV) ## Run for hours what is random (SCALE=0.1, SEED, DRILLS)
	$(BIN)/python -m tests.drill --scale $(or $(SCALE),1) $(if $(SEED),--seed $(SEED)) $(DRILLS)

chaos: $(DEV) ## Kill, stop and starve a fleet (JOBS, KILLS, SEED or MINUTES)
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(JOBS),--jobs $(JOBS)) $(if $(KILLS),--kills $(KILLS)) $(if $(PAUSE),--pause $(PAUSE)) \
	  $(if $(BOUND),--bound $(BOUND)) $(if $(PAGE),--page $(PAGE))

soak: $(DEV) ## Check that resources stay flat under steady load (MINUTES)
	$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),30) $(ARGS)

fuzz: $(DEV) ## Try every operation with generated requests (CASES, FUZZ_SEED)
	FUZZ_CASES=$(or $(CASES),5000) $(BIN)/pytest -s tests/fuzz -m drill

any-answer: $(DEV) ## Try every response that fal may send (CASES, ANY_ANSWER_SEED)
	ANY_ANSWER_CASES=$(or $(CASES),2000) $(BIN)/pytest -s tests/any_answer -m drill

mutations: $(DEV) ## Store corrupted images (CASES, MUTATION_SEED)
	MUTATION_CASES=$(or $(CASES),10000) $(BIN)/pytest -s tests/storage/test_mutations.py -m drill

bench: $(DEV) ## Measure everything (SUITE, ROUNDS, REF; LITELLM for gateway)
	$(BIN)/python -m bench $(SUITE) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(REF),--ref $(REF)) \
	  $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

format: $(DEV) ## Format the code and fix what ruff can fix
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lock: ## Resolve the dependencies into requirements/ (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --upgrade --python-version 3.11 \
	  --custom-compile-command "make lock" pyproject.toml --extra local --group dev -o requirements/dev.txt
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 \
	  --custom-compile-command "make lock" -c requirements/dev.txt pyproject.toml -o requirements/runtime.txt
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 \
	  --custom-compile-command "make lock" -c requirements/dev.txt pyproject.toml --extra local --group build \
	  -o requirements/serve.txt

clean: ## Remove .venv, the local servers' data and generated files
	rm -rf .venv .site .imagegen demo-output .pytest_cache .ruff_cache .hypothesis .schemathesis .import_linter_cache .coverage sdk/generated/node_modules bench/node_modules
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
