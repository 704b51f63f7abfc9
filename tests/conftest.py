"""What tests of several rooms share: made-up films of a small bone, and a real model trained on a few of them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def figure_model_file(tmp_path_factory):
    """A model file, trained in a few seconds."""
    import figure

    return figure.train_model(tmp_path_factory.mktemp("models"))


@pytest.fixture
def figure_model(figure_model_file, monkeypatch):
    """The same model, installed as the user's own under the name "figure"."""
    monkeypatch.setenv("XRAY_LANDMARKS_MODELS", str(figure_model_file.parent))
    return figure_model_file


@pytest.fixture(scope="session")
def figure_film():
    """A film that the model has not seen: (pixels, landmarks in pixels)."""
    import figure

    return figure.figure(101)


@pytest.fixture
def write_dicom():
    """Write a small, complete DICOM file: `write_dicom(path, pixels, Keyword=value, ...)`."""
    from dicom_files import dicom_file

    return dicom_file


@pytest.fixture(scope="session")
def pydicom_file():
    """The path of one of the files that pydicom ships."""
    import pydicom

    folder = Path(pydicom.data.__file__).parent / "test_files"

    def path(name: str) -> Path:
        if not (folder / name).is_file():
            pytest.skip(f"pydicom does not ship {name}")
        return folder / name

    return path
