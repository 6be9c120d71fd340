# Townsquare's commands. Each makes .venv by itself; `make help` lists them.

PORT ?= 8400
DATA ?= data/demo
CORES ?= 2
PYTHON ?=

V := .venv/bin
CLIENTS := .venv-clients/bin/python
PEERS := .venv-peers/bin/python
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
# tests/conftest.py says what goes where and first; xdist would count tests, and the longest part has few.
SIDE_BY_SIDE := --numprocesses $(CORES) --no-loadscope-reorder
BENCHES := $(wildcard bench/*.py)

.DEFAULT_GOAL := help
.PHONY: help venv core modules demo test check bench bench-broker bench-demo bench-backup bench-sealed bench-seal bench-devices bench-trust bench-vision bench-events bench-control bench-alarm-load conformance wheel \
	soak soak-vision fuzz exceptions lock chromium

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: ## make .venv with everything for development
	@tools/venv.sh dev $(PYTHON)

core:
	@tools/venv.sh core $(PYTHON)

modules: core
	@$(V)/python tools/fetch_modules.py

demo: core modules ## run the demo town: PORT=8400 DATA=data/demo
	@$(V)/townsquare demo --port "$(PORT)" --data "$(DATA)"

check: venv ## lint, types, import contracts and unit tests, under two minutes
	$(V)/ruff check .
	$(V)/ruff format --check .
	$(V)/mypy
	$(V)/lint-imports
	$(V)/pytest -q $(SIDE_BY_SIDE) tests/unit

test: chromium venv modules $(CLIENTS) ## every test; needs a Chromium: CORES=2
	CHROMIUM="$(CHROMIUM)" CLIENTS="$(abspath $(CLIENTS))" $(V)/pytest $(SIDE_BY_SIDE) -m "not fuzz and not soak"

# Public NGSI-LD clients want other versions of what we use, so they have a place of their own.
$(CLIENTS): tests/clients/requirements.lock
	@$(V)/python -m venv --clear .venv-clients
	@$@ -m pip install -qq --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r $<
	@touch $@

# What counting is compared with has needs of its own too.
$(PEERS): bench/peers/requirements.lock
	@$(V)/python -m venv --clear .venv-peers
	@$@ -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

chromium:
	@test -n "$(CHROMIUM)" || { \
		echo "The tests drive a real browser and found no Chromium: apt-get install chromium" >&2; \
		exit 2; }

bench: venv modules ## every script in bench/, one table each
	@for script in $(BENCHES); do echo "== $$script"; $(V)/python $$script || exit 1; done

bench-broker: venv modules ## requests a second and delays of the broker: STORE=postgresql LARGE=yes
	@PYTHONPATH=. $(V)/python bench/broker.py $(if $(LARGE),--large $(LARGE:yes=),$(STORE))

bench-demo: venv modules ## processor time, memory and delay of the demo
	@$(V)/python bench/demo.py

bench-sealed: venv ## bytes and delays of old days, in rows and in Parquet
	@$(V)/python bench/sealed.py

bench-backup: venv ## a backup of ROWS=10000000 rows while 1,000 writes/s go on
	@$(V)/python bench/backup.py $(ROWS)

bench-devices: venv ## messages of MQTT that one core decodes, checks and keeps, and a thousand devices from a file
	@PYTHONPATH=. $(V)/python bench/devices.py

bench-seal: venv ## cameras that one core seals and keeps, and how long it takes to open an hour of one
	@$(V)/python bench/seal.py
	@PYTHONPATH=. $(V)/python bench/opening.py

bench-trust: venv ## grants, hiding, appends to the log and proofs from it: ENTRIES=10000000
	@PYTHONPATH=. $(V)/python bench/trust.py $(ENTRIES)

bench-alarm-load: venv ## the report of a month of alarms, and how long others wait for it
	@PYTHONPATH=. $(V)/python bench/alarm_load.py

bench-control: venv modules chromium ## sensor to screen, first load, memory and a large map: MINUTES=1 HOURS=
	@MINUTES="$(or $(MINUTES),1)" HOURS="$(HOURS)" $(V)/python bench/control.py

bench-events: venv ## what watching for events costs a worker, beside counting alone
	@PYTHONPATH=. $(V)/python bench/events.py

bench-vision: venv $(PEERS) ## counting error and cost beside the peers and decoding alone: DETECTOR=NAME
	@$(V)/python bench/vision.py $(DETECTOR)

conformance: venv ## the ETSI NGSI-LD suite: SUITE_DIR=checkout, KEEP=yes writes docs/conformance.md
	@$(V)/python tools/conformance.py

fuzz: venv ## feed the doors with bad input: LONG_S=60 REQUESTS=100000
	@echo "Feeding the doors with bad input; what breaks is listed at the end."
	@LONG_S="$(or $(LONG_S),60)" $(V)/pytest -m fuzz

soak: venv modules ## alarms in 100,000 steps, then the town for long and its memory: STEPS=100000 LONG_S=600
	@STEPS="$(or $(STEPS),100000)" $(V)/pytest -q -s -m soak tests/soak/test_alarms_for_long.py
	@echo "Running the town for long; what grows is listed at the end."
	@LONG_S="$(or $(LONG_S),600)" $(V)/pytest -m soak tests/soak/test_town_for_long.py

soak-vision: venv modules ## 24 simulated cameras on 2 cores, memory and rates in a table: LONG_S=3600
	@LONG_S="$(or $(LONG_S),3600)" $(V)/pytest -q -s -m soak tests/soak/test_vision_for_long.py

wheel: venv ## dist/townsquare-*.whl, with the pages' libraries in it
	@$(V)/pip wheel --quiet --no-deps --wheel-dir dist .

exceptions: venv ## every broken house rule with its reason
	@$(V)/python tools/exceptions.py

lock: venv ## make both locks again from pyproject.toml; UPGRADE=yes moves every pin
	@$(V)/python -m pip install -qq --disable-pip-version-check "uv>=0.9"
	@tools/lock.sh $(if $(UPGRADE),--upgrade)
