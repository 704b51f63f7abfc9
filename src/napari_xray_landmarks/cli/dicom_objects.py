"""Results as DICOM objects, which refer to the film or series they were found in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .outputs import DICOM_ENDING

KeepPatientOption = Annotated[
    bool,
    typer.Option("--keep-patient", help="Copy the patient's name, ID and birth date and the study's dates into a .dcm, "
                                        "so that viewers and archives file it with its source. Otherwise empty."),
]


def sources_for(output: Path, inputs: Sequence[Path], keep_patient: bool) -> list:
    """Headers that a DICOM output refers to; none for any other output.

    Raises
    ------
    FileError, InputError
        The input is no DICOM film or series, highdicom is not installed, or --keep-patient goes with another output.
    """
    if output.is_dir() or not output.name.lower().endswith(DICOM_ENDING):
        if keep_patient:
            raise InputError("--keep-patient", f"goes with a {DICOM_ENDING} output", "Leave it out")
        return []
    from ..io.dicom.sources import read_sources, require_highdicom

    require_highdicom()
    return read_sources(inputs[0], keep_patient=keep_patient)
