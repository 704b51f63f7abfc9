"""How results look: colours that colour-blind users can tell apart, sizes that follow the image."""

from dataclasses import dataclass

import numpy as np

CONFIDENCE_COLORMAP = "viridis"
RESPONSE_COLOURS = ((0.84, 0.37, 0.0, 0.0), (0.84, 0.37, 0.0, 0.55), (1.0, 0.87, 0.2, 0.9))  # clear, vermilion, yellow
BY_HAND = "#ff8c1a"
CLEAR = "#00000000"
"""Of points that are not shown: napari draws all points of a film."""
LEFT, RIGHT, HEAD, NOT_FOUND = "#1e90ff", "#e8590c", "#e6007e", "#b0b0b0"
DETECTED_SYMBOL, GUESS_SYMBOL = "disc", "cross"
STRUCTURES = ("#0072b2", "#f0e442", "#d55e00", "#56b4e9", "#cc79a7", "#009e73", "#e69f00", "#999999", "#882255",
              "#44aa99")
"""Colours of structures in a volume, in the order of a model's list (Okabe and Ito 2008, then Tol)."""
BARE_BONE = "#cfc8b8"
MOVED_BONE = (BARE_BONE, "#f0c05a", "#e8590c", "#8c1d5b")
"""Colours of a surface by its distance from the mean: a bone that has not moved is as light as bone."""


@dataclass(frozen=True)
class LandmarkStyle:
    """The look of a landmark layer; sizes are shares of the image's diagonal.

    Parameters
    ----------
    size
        Diameter of a point, as a share of the image's diagonal.
    canvas_size_limits
        Smallest and largest diameter on the screen, in screen pixels, however far one zooms.
    border, border_width
        Colour, and width as a share of the diameter.
    text_size
        In screen points, so that names can be read at every zoom.
    """

    size: float = 0.012
    canvas_size_limits: tuple[int, int] = (9, 28)
    border: str = "black"
    border_width: float = 0.12
    text_size: int = 9
    text_colour: str = "#1e90ff"

    def layer_kwargs(self, shape) -> dict:
        """Arguments of napari's Points layer for an image of that (rows, columns) shape."""
        size = max(2.0, self.size * float(np.hypot(*shape)))
        return {
            "size": size,
            "canvas_size_limits": self.canvas_size_limits,
            "face_color": "confidence",
            "face_colormap": CONFIDENCE_COLORMAP,
            "face_contrast_limits": (0.0, 1.0),
            "border_color": self.border,
            "border_width": self.border_width,
            "text": {
                "string": "{name}",
                "size": self.text_size,
                "color": self.text_colour,
                "anchor": "upper_left",
                "translation": [0.0, 0.6 * size],
            },
        }


@dataclass(frozen=True)
class ResponseStyle:
    """The look of a response image, which lies over the radiograph."""

    opacity: float = 0.9

    def layer_kwargs(self) -> dict:
        """Arguments of napari's Image layer; clear where there are no votes, so that it shows on bright film too."""
        from napari.utils.colormaps import Colormap

        return {"colormap": Colormap(RESPONSE_COLOURS, name="votes"), "blending": "translucent_no_depth",
                "opacity": self.opacity}


@dataclass(frozen=True)
class ContourStyle:
    """The look of outlines; left and right have hues of their own.

    Parameters
    ----------
    width
        Of a line, as a share of the image's diagonal.
    text_size
        In screen points.
    """

    width: float = 0.004
    text_size: int = 10

    def width_px(self, shape) -> float:
        """Width of a line in pixels of an image of that (rows, columns) shape."""
        return max(0.8, self.width * float(np.hypot(*shape)))


def outline_colour(name: str, found: bool) -> str:
    """The colour of a bone's outline: its side's, or grey where it is only a best guess."""
    if not found:
        return NOT_FOUND
    return RIGHT if name.endswith("-right") else LEFT


@dataclass(frozen=True)
class ColourBy:
    """One thing that the vertices of an outline can be coloured by.

    Parameters
    ----------
    column
        Of the layer's features.
    caption
        In words.
    colormap
    top
        The value at the end of the colours; None takes the largest.
    """

    column: str
    caption: str
    colormap: str
    top: float | None = None


COLOURED_BY = (ColourBy("confidence", "confidence", CONFIDENCE_COLORMAP, 1.0),
               ColourBy("displacement", "displacement", "plasma"),
               ColourBy("outlier", "outlier", "plasma"))


def symbols(detected) -> list[str]:
    """A disc for what was detected, a cross for a best guess."""
    return [DETECTED_SYMBOL if d else GUESS_SYMBOL for d in detected]
