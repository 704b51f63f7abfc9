"""How results look: colours that colour-blind users can tell apart, sizes that follow the image."""

from dataclasses import dataclass

import numpy as np

CONFIDENCE_COLORMAP = "viridis"
RESPONSE_COLOURS = ((0.84, 0.37, 0.0, 0.0), (0.84, 0.37, 0.0, 0.55), (1.0, 0.87, 0.2, 0.9))  # clear, vermilion, yellow
BY_HAND = "#ff8c1a"
DETECTED_SYMBOL, GUESS_SYMBOL = "disc", "cross"


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


def symbols(detected) -> list[str]:
    """A disc for what was detected, a cross for a best guess."""
    return [DETECTED_SYMBOL if d else GUESS_SYMBOL for d in detected]
