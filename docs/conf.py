"""How the documentation is built: `make docs`."""

from pathlib import Path

import napari_xray_landmarks

WEIGHTS = Path(napari_xray_landmarks.__file__).parent / "models" / "weights"

project = "napari-xray-landmarks"
copyright = "the napari-xray-landmarks developers"
version = release = napari_xray_landmarks.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
myst_heading_anchors = 4
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
suppress_warnings = ["misc.highlighting_failure"]
exclude_patterns = ["_build", "models-introduction.md"]

html_theme = "pydata_sphinx_theme"
html_title = project
html_theme_options = {"show_prev_next": False, "navbar_align": "left", "header_links_before_dropdown": 7}
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]


def cards(app):
    """Write the page with the cards of all bundled models."""
    introduction = (Path(app.srcdir) / "models-introduction.md").read_text(encoding="utf-8")
    bundled = [card.read_text(encoding="utf-8") for card in sorted(WEIGHTS.glob("*.md"))]
    page = "\n\n".join([introduction, *(f"#{card}".replace("\n#", "\n##") for card in bundled)])
    target = Path(app.srcdir) / "models.md"
    if not target.is_file() or target.read_text(encoding="utf-8") != page:
        target.write_text(page, encoding="utf-8")


def setup(app):
    app.connect("builder-inited", cards)
