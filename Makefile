# make demo   the main job on a phantom radiograph, in a fresh .venv
# make test   every test: core, widgets (no display), viewer (virtual display)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test test-core test-widgets test-viewer lint bench weights screenshots wheel clean

help:
	@echo "make demo         detect the landmarks of a phantom radiograph, write and show the result"
	@echo "make test         all tests: core, widgets, viewer"
	@echo "make lint         ruff"
	@echo "make bench        accuracy and speed, written to docs/benchmarks.md"
	@echo "make weights      train the bundled models again on phantom films"
	@echo "make screenshots  the pictures of the documentation, written to docs/images"
	@echo "make wheel        the installable package, in dist/"

$(READY): pyproject.toml constraints.txt scripts/prepare.sh
	@sh scripts/prepare.sh $(VENV)
	@touch $@

demo: $(READY)
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then sh scripts/system_packages.sh window || true; fi
	@$(BIN)/xray-landmarks demo -o demo-output

test: $(READY)
	@sh scripts/run_tests.sh $(BIN) core widgets viewer

test-core test-widgets test-viewer: test-%: $(READY)
	@sh scripts/run_tests.sh $(BIN) $*

lint: $(READY)
	@$(BIN)/ruff check .

bench: $(READY)
	@set -e; for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script; done

# The bundled models, from their own phantoms: about a quarter of an hour on two cores.
TRAIN := $(BIN)/xray-landmarks train joint-displacement --set bandwidth=2.5 --set locality=0.5
WEIGHTS := src/napari_xray_landmarks/models/weights
weights: $(READY)
	@test -d runs/pelvis-200 || $(BIN)/xray-landmarks sample pelvis --films 200 -o runs/pelvis-200
	@$(TRAIN) --data runs/pelvis-200 --set components=48 -o $(WEIGHTS)/pelvis-ap.safetensors
	@test -d runs/proximal-femur || $(BIN)/xray-landmarks sample proximal-femur --films 100 -o runs/proximal-femur
	@$(TRAIN) --data runs/proximal-femur --set train_patches=6000 --set components=32 \
	  -o $(WEIGHTS)/proximal-femur-ap.safetensors

screenshots: $(READY)
	@sh scripts/system_packages.sh window screen
	@sh scripts/with_display.sh $(BIN)/python scripts/screenshots.py

wheel: $(READY)
	@rm -rf dist && $(BIN)/python -m build --wheel --outdir dist .

clean:
	rm -rf $(VENV) demo-output dist build
