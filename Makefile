# make demo   the main job on a phantom radiograph, in a fresh .venv
# make test   every test: core, widgets (no display), viewer (virtual display)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test test-core test-widgets test-viewer lint bench weights screenshots docs wheel clean

help:
	@echo "make demo         detect the landmarks of a phantom radiograph, write and show the result"
	@echo "make test         all tests: core, widgets, viewer"
	@echo "make lint         ruff"
	@echo "make bench        accuracy and speed, written to docs/benchmarks.md"
	@echo "make weights      train the bundled models again on phantom films"
	@echo "make screenshots  the pictures of the documentation, written to docs/images"
	@echo "make docs         the documentation as a site, in docs/_build/html"
	@echo "make wheel        the installable packages, in dist/, each tried in an empty environment"

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

# all but benchmarks/spine.py, which trains for hours, and view_invariant.py, which makes and searches thousands of films
bench: $(READY)
	@set -e; for script in $(filter-out benchmarks/spine.py benchmarks/view_invariant.py,$(wildcard benchmarks/[a-z]*.py)); do echo "== $$script"; $(BIN)/python $$script; done

# The bundled models, from their own phantoms: some two hours on two cores, most of it for the network. A pelvis atlas and a
# femur model join its films where ATLAS and FEMURS name them, as for the bundled one. pelvis-mr needs real volumes: PELVIC is
# what benchmarks/pelvic_mri.py --set PELVIC writes.
TRAIN := $(BIN)/xray-landmarks train joint-displacement --set bandwidth=2.5 --set locality=0.5
SMALL := --set train_patches=2000 --set components=24 --set patches=1000
WEIGHTS := src/napari_xray_landmarks/models/weights
weights: $(READY)
	@test -d runs/pelvis-200 || $(BIN)/xray-landmarks sample pelvis --films 200 -o runs/pelvis-200
	@$(TRAIN) --data runs/pelvis-200 --set train_patches=10000 --set components=64 -o $(WEIGHTS)/pelvis-ap.safetensors
	@test -d runs/proximal-femur || $(BIN)/xray-landmarks sample proximal-femur --films 100 -o runs/proximal-femur
	@$(TRAIN) --data runs/proximal-femur $(SMALL) --set train_patches=2500 -o $(WEIGHTS)/proximal-femur-ap.safetensors
	@test -d runs/complete-femur || $(BIN)/xray-landmarks sample complete-femur --films 81 -o runs/complete-femur
	@$(TRAIN) --data runs/complete-femur $(SMALL) -o $(WEIGHTS)/complete-femur-ap.safetensors
	@test -d runs/pelvis-outline || $(BIN)/xray-landmarks sample pelvis-outline --films 110 -o runs/pelvis-outline
	@$(TRAIN) --data runs/pelvis-outline $(SMALL) --anatomy pelvis -o $(WEIGHTS)/pelvis-outline-ap.safetensors
	@test -d runs/hips || $(BIN)/xray-landmarks simulate hips $(ATLAS) $(if $(FEMURS),--femurs $(FEMURS)) $(if $(ATLAS),--sampled 30) \
	  --dataset 1120 --views-each 16 --implants 0.35 --tools 0.15 --no-appearance -o runs/hips
	@$(BIN)/xray-landmarks train deep-morphing --data runs/hips -o $(WEIGHTS)/hip-fluoroscopy.safetensors
	@$(BIN)/xray-landmarks train view-invariant --ct $(or $(ATLAS),pelvis) $(if $(FEMURS),--femurs $(FEMURS)) $(if $(ATLAS),--sampled 60) \
	  --set films=8000 --set epochs=20 -o runs/pelvis-any-view-first.safetensors
	@$(BIN)/xray-landmarks train view-invariant --ct $(or $(ATLAS),pelvis) $(if $(FEMURS),--femurs $(FEMURS)) $(if $(ATLAS),--sampled 60) \
	  --start runs/pelvis-any-view-first.safetensors --set learning_rate=1.5e-3 -o $(WEIGHTS)/pelvis-any-view.safetensors
	@test -d runs/knees || $(BIN)/xray-landmarks simulate knee --dataset 52 -o runs/knees
	@$(BIN)/xray-landmarks train deep-shape --data runs/knees --set slice_steps=1000 --set shape_steps=250 --set local_steps=3000 \
	  -o $(WEIGHTS)/knee-mr.safetensors
	@test -z "$(PELVIC)" || $(BIN)/xray-landmarks train deep-shape --data $(PELVIC) --set spacing=1.2,5.2,1.2 --set crop=160 \
	  --set slice_steps=2500 --set subvolume_mm=38 --set shape_steps=400 --set local_steps=5000 -o $(WEIGHTS)/pelvis-mr.safetensors

screenshots: $(READY)
	@sh scripts/system_packages.sh window screen
	@sh scripts/with_display.sh $(BIN)/python scripts/screenshots.py

docs: $(READY)
	@$(BIN)/python -m pip install -q --constraint constraints.txt --editable ".[docs]"
	@$(BIN)/python -m sphinx -q -W -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# the sdist too, and each tried in an empty environment
wheel: $(READY)
	@rm -rf dist && $(BIN)/python -m build --outdir dist .
	@sh scripts/try_packages.sh dist $(BIN)/python

clean:
	rm -rf $(VENV) demo-output dist build docs/_build docs/models.md
