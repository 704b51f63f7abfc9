"""The parts of a report: one HTML page that loads nothing and runs nothing; all texts of a user's are escaped."""

import math
from base64 import b64encode
from collections.abc import Sequence
from html import escape

from .. import __version__
from .cases import LEGEND, drawing, thumbnail
from .comparison import Comparison

CSS = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #1c1c1c; }
h1 { font-size: 1.5em; overflow-wrap: anywhere; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
th, td { padding: .25em .7em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } .big { font-size: 1.3em; } .note { color: #8a4b00; }
svg { max-width: 100%; height: auto; }
.gallery { display: flex; flex-wrap: wrap; gap: .8em; } .gallery a { width: 220px; color: inherit; font-size: .85em; }
.gallery img { display: block; border: 1px solid #888; } a:focus { outline: 3px solid #0072b2; }
figure { margin: 2em 0; } figure img { max-width: 100%; } figure:target { outline: 3px solid #0072b2; }
a, figcaption { overflow-wrap: anywhere; }
"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
MOST_CASES, MOST_IMAGES = 6, 200


def document(title: str, parts: Sequence[str]) -> str:
    """A whole page; the browser is told to fetch and to run nothing."""
    head = (f'<meta charset=utf-8><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
            f"<title>{escape(title)}</title><style>{CSS}</style>")
    foot = f"<p>napari-xray-landmarks {__version__}. Not for clinical use.</p>"
    body = "\n".join([*parts, foot])
    return f'<!doctype html><html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def table_html(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; headings are escaped, cells are HTML already."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def notes_html(notes: Sequence[str]) -> list[str]:
    return [f"<p class=note>Note: {escape(note)}.</p>" for note in notes]


def cell_html(value) -> str:
    return escape(str(value)) if isinstance(value, (str, int)) else number_text(value)


def number_text(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "–"


def percent_text(value: float) -> str:
    return f"{100 * value:.1f} %" if math.isfinite(value) else "–"


def gallery_html(comparison: Comparison) -> tuple[list[str], list[str]]:
    """The worst cases: thumbnails that lead to the pictures, and the pictures; empty where nothing can be drawn."""
    worst = comparison.worst(MOST_CASES) if comparison.case is not None else []
    links, figures = [], []
    for number, (image, text) in enumerate(worst, 1):
        png = drawing(comparison.case(image))
        caption = f"{escape(image)}: {escape(text)}"
        links.append(f'<a href="#case-{number}" id="thumbnail-{number}">{_picture(thumbnail(png), caption)}'
                     f"{caption}</a>")
        figures.append(f'<figure id="case-{number}">{_picture(png, caption)}<figcaption>{caption} '
                       f'(<a href="#thumbnail-{number}">back</a>)</figcaption></figure>')
    if not worst:
        return [], []
    shown = f"<p>{LEGEND[0].upper()}{LEGEND[1:]}. A click shows the larger picture.</p>"
    return (["<h2>Worst cases</h2>", shown, f"<div class=gallery>{''.join(links)}</div>"],
            ["<h2>Pictures of the worst cases</h2>", *figures])


def _picture(png: bytes, caption: str) -> str:
    return f'<img alt="{caption}" src="data:image/png;base64,{b64encode(png).decode()}">'


def images_html(comparison: Comparison) -> list[str]:
    """A row an image, the worst first."""
    table = comparison.by_image
    names = ["image", "failed", *(m.heading for m in comparison.measures)]
    several = comparison.values["item"].nunique() > 1
    names += [f"worst {comparison.item}"] if several else []
    rows = [[escape(str(row["image"])), str(row["failed"]), *(number_text(row[m.key]) for m in comparison.measures),
             *([escape(str(row["worst"]))] if several else [])] for row in table.head(MOST_IMAGES).to_dict("records")]
    parts = ["<h2>Each image, the worst first</h2>", table_html(names, rows)]
    if len(table) > MOST_IMAGES:
        parts.append(f"<p>The worst {MOST_IMAGES} of {len(table)}; all are in images.csv.</p>")
    return parts
