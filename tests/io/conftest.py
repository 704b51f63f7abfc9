import os
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import CTImageStorage, generate_uid

from dicom_files import dicom_file


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = Path(os.environ.get("XRAY_LANDMARKS_DATA") or Path(__file__).parents[3] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("the real films are not here: set XRAY_LANDMARKS_DATA")
    return folder


@pytest.fixture
def write_series(tmp_path):
    """Write a CT series of which voxel (plane, row, column) has LPS position `origin + matrix @ (column, row, plane)`.

    Gives the folder and the files in the order of the planes; the files' names are in another order.
    """

    def write(voxels, matrix, origin=(0.0, 0.0, 0.0), *, name="series", series_uid=None, drop=(), **elements):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        matrix, origin = np.asarray(matrix, dtype=float), np.asarray(origin, dtype=float)
        spacing = np.linalg.norm(matrix, axis=0)
        across, down = matrix[:, 0] / spacing[0], matrix[:, 1] / spacing[1]
        series_uid = series_uid or generate_uid()
        paths = []
        for plane, pixels in enumerate(voxels):
            if plane in drop:
                continue
            path = folder / f"{(plane * 7) % 101:03d}-{series_uid[-6:]}.dcm"
            paths.append(dicom_file(path, pixels, CTImageStorage, **{
                "Modality": "CT", "SeriesInstanceUID": series_uid, "SliceThickness": 1, "InstanceNumber": plane + 1,
                "ImagePositionPatient": [f"{v:.10g}" for v in origin + matrix[:, 2] * plane],
                "ImageOrientationPatient": [f"{v:.12g}" for v in (*across, *down)],
                "PixelSpacing": [f"{spacing[1]:.10g}", f"{spacing[0]:.10g}"], **elements}))
        return folder, paths

    return write
