"""2D/3D registration: the pose of an X-ray refined by comparing the film with renderings of the CT."""

from .refinement import refine
from .result import Registration, Step
from .settings import RegistrationSettings

__all__ = ["Registration", "RegistrationSettings", "Step", "refine"]
