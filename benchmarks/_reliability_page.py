"""docs/reliability.md: each script writes its own section between its markers; all else is written by hand."""

from collections.abc import Sequence

from _page import ROOT, _replaced, circumstances
from napari_xray_landmarks.io.files import replacing

PAGE = ROOT / "docs" / "reliability.md"


def write_section(name: str, title: str, blocks: Sequence[str], *, dry: bool, how: str = "one process") -> None:
    """Print a section and, unless `dry`, put it into the page.

    Parameters
    ----------
    name
        Of the markers.
    title
        Its heading.
    blocks
        Paragraphs and tables.
    dry
        Only print.
    how
        The cores were used.
    """
    body = "\n\n".join([f"## {title}", *blocks, f"<sub>{circumstances(how)}</sub>"])
    print(body, flush=True)
    if dry:
        return
    page = _replaced(PAGE.read_text(encoding="utf-8"), name, body)
    with replacing(PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8")
