"""Settings of the registration: the one source for the form, the command line and the defaults."""

from dataclasses import dataclass

from ..options import check_options, option

SIMILARITIES = ("gradient-ncc", "ncc")
POLARITIES = ("auto", "dense-bright", "dense-dark")


@dataclass(frozen=True)
class RegistrationSettings:
    """Options of the registration, with the best found as defaults.

    Each field's metadata holds help, unit, low, high, log (slider scale), choices and group: "similarity", "search" or
    "check". Lengths in mm are at the depth of the centre.
    """

    similarity: str = option("gradient-ncc", "Compare the gradients of film and rendering, or their grey values",
                             choices=SIMILARITIES, group="similarity")
    patch_px: int = option(16, "Side of the patches that are compared each by itself; 0 compares films as a whole",
                           low=0, high=128, unit="px of the level", group="similarity")
    polarity: str = option("auto", "Whether dense parts are bright on the film, dark, or whichever fits better",
                           choices=POLARITIES, group="similarity")
    levels: int = option(4, "Resolutions, from the coarsest to the finest", low=1, high=8, group="search")
    coarsest_mm: float = option(4.0, "Pixels of the coarsest resolution", low=0.5, high=20.0, unit="mm", group="search")
    finest_mm: float = option(0.8, "Pixels of the finest resolution, or the film's own where they are larger",
                              low=0.1, high=10.0, unit="mm", group="search")
    capture_deg: float = option(10.0, "Turn from the start within which the pose is looked for", low=0.0, high=45.0,
                                unit="deg", group="search")
    capture_mm: float = option(25.0, "Shift from the start within which the pose is looked for", low=0.0, high=150.0,
                               unit="mm", group="search")
    starts: int = option(150, "Poses about the start that are tried at the coarsest resolution; 0 tries the start "
                         "alone", low=0, high=5000, group="search")
    kept: int = option(10, "The best of them, which are refined at the coarsest resolution", low=1, high=200,
                       group="search")
    iterations: int = option(30, "Most steps at each resolution", low=1, high=500, group="search")
    tolerance_px: float = option(0.01, "Motion of the image below which a resolution is done", low=0.0001, high=1.0,
                                 log=True, unit="px of the level", group="search")
    least_similarity: float = option(0.5, "Similarity at the second resolution, without the film's noise, below which "
                                     "the film is not of this CT", low=0.0, high=1.0, group="check")

    def __post_init__(self):
        check_options(self)
        if self.finest_mm > self.coarsest_mm:
            raise ValueError(f"finest_mm must not exceed coarsest_mm, got {self.finest_mm} and {self.coarsest_mm}")
