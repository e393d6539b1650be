# How everything is started. Each target installs what it needs and says so; `make` alone lists them.
# ARGS is handed on: make lab-up ARGS='--masters 1 --agents 1'

.DEFAULT_GOAL := help
.PHONY: help deps preflight demo demo-real test test-quick test-check test-unit test-hollow test-contract test-lab test-faults test-all bench lab-up lab-down clean

installed := node_modules/.installed-lock.json
json = --reporter=$(1) --reporter=./scripts/hook-failures-reporter.mjs --reporter=json --outputFile.json=out/tests/$(2).json

help:
	@echo 'make demo        a hollow cluster, rotated before your eyes (any Linux, no root; 1 minute)'
	@echo 'make demo-real   a real cluster on this machine, rotated before your eyes (root; 6 minutes, 15 the first time)'
	@echo 'make preflight   says whether this machine can run that, and changes nothing'
	@echo 'make test        formatting, lint, types, import rules, unit tests, lab tests (root; 25 minutes, 45 the first time)'
	@echo 'npm test         the part of it that needs no lab (3 minutes)'
	@echo 'make test-all    the long lab tests and every fault on the hollow cluster as well (hours)'
	@echo 'make bench       what a rotation takes, wait by wait'
	@echo 'make lab-up      the lab alone;  make lab-down takes it down, whoever brought it up'
	@echo 'make clean       removes what was built here; caches of the lab stay in ~/.cache/keyroll-lab'

# By content, not by time: a checkout gives files any time. An interrupted `npm ci` leaves no mark.
deps:
	@cmp -s package-lock.json $(installed) || { \
	  echo 'npm ci: installs the packages of package-lock.json into node_modules (usually 15 s)'; \
	  npm ci && cp package-lock.json $(installed); }

preflight:
	@sh lab/demo/preflight.sh

# The build is kept as long as nothing that goes into it has changed.
dist/.built: package-lock.json tsconfig.build.json $(shell find src -type f -not -name '*.test.ts')
	@echo 'npm run build: compiles keyroll into dist (usually 15 s)'
	@npm run -s build && touch dist/.built

demo: deps
	@$(MAKE) -s --no-print-directory dist/.built
	@node dist/cli/main.js demo $(ARGS)

demo-real: preflight deps
	@npm run -s demo:real

test: test-quick test-lab

# Rotations of hollow clusters wait more than they compute; checks and unit tests take what they leave.
test-quick: deps
	node scripts/lanes.mjs hollow contract,-check,-unit

test-check: deps
	scripts/part.sh check npm run -s check

test-unit: deps
	scripts/part.sh unit npm run -s test:unit -- $(call json,default,unit)

test-hollow: deps
	scripts/part.sh hollow npm run -s test:hollow -- $(call json,default,hollow)

test-contract: deps
	scripts/part.sh contract npm run -s test:contract -- $(call json,default,contract)

# Where no lab can run, the tests say so themselves and count as skipped; the preflight says why.
test-lab: deps
	@sh lab/demo/preflight.sh || [ $$? -eq 3 ]
	scripts/part.sh lab npm run -s test:lab -- $(call json,verbose,lab)

# Every fault of the matrix on the hollow cluster; the table in docs/reliability.md is written from what they leave.
test-faults: deps
	scripts/part.sh faults npm run -s test:faults -- $(call json,verbose,faults)

# The lab tests read KEYROLL_TEST_ALL and then leave nothing out.
test-all: export KEYROLL_TEST_ALL = 1
test-all: test test-faults

bench: deps
	npm run -s bench -- $(ARGS)

lab-up: preflight deps
	npm run -s lab -- up $(ARGS)

lab-down: deps
	npm run -s lab -- down

clean:
	rm -rf dist out coverage
