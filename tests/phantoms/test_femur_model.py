"""Statistical femurs of HDF5 files: what is read, and what is refused."""

import numpy as np
import pytest

from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.phantoms.femur_model import read_femur_model
from napari_xray_landmarks.phantoms.vertices import VERTICES

h5py = pytest.importorskip("h5py")
COUNT = VERTICES["femur"]["count"]


@pytest.fixture
def model(tmp_path):
    """A file of two modes and a strip of triangles, open for changes: `model(change)` gives its path."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(COUNT, 3)).astype(np.float32)
    basis = rng.normal(size=(points.size, 2)).astype(np.float32)

    def write(change=lambda file: None):
        path = tmp_path / "femur.h5"
        with h5py.File(path, "w") as file:
            file["model/mean"], file["model/pcaBasis"] = points.ravel(), basis
            file["model/pcaVariance"] = np.array([4.0, 1.0], np.float32)
            file["representer/cells"] = np.arange(COUNT - 2) + np.arange(3)[:, None]
            change(file)
        read_femur_model.cache_clear()
        return path

    write.points, write.basis = points, basis
    return write


def test_a_left_femur_is_read_in_our_axes(model):
    femur = read_femur_model(model())
    np.testing.assert_allclose(femur.mean, model.points[:, [2, 1, 0]] * (-1, 1, 1), rtol=1e-6)
    first = 2 * model.basis[:, 0].reshape(-1, 3)[:, [2, 1, 0]] * (-1, 1, 1)
    np.testing.assert_allclose(femur.modes[0], first, rtol=1e-6)
    assert femur.faces.shape == (COUNT - 2, 3)


def _replaced(name, values):
    def change(file):
        del file[name]
        file[name] = values

    return change


@pytest.mark.parametrize(("change", "problem"), [
    (lambda file: file.pop("model/mean"), "no statistical shape model"),
    (_replaced("model/mean", np.zeros(30)), "is no statistical shape model"),
    (_replaced("model/mean", np.full(3 * COUNT, np.nan)), "not finite"),
    (_replaced("representer/cells", np.full((3, 4), COUNT)), "triangles of points"),
    (_replaced("representer/cells", np.zeros((2, 4))), "triangles of points"),
    (_replaced("model/mean", "text"), "no statistical shape model"),
])
def test_another_file_is_refused(model, change, problem):
    with pytest.raises(FileError, match=problem):
        read_femur_model(model(change))


def test_numbers_of_another_file_are_not_read(model, tmp_path):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(12 * COUNT))

    def lead_out(file):
        del file["model/mean"]
        file.create_dataset("model/mean", (3 * COUNT,), "f4", external=[(str(secret), 0, 12 * COUNT)])

    with pytest.raises(FileError, match="another file"):
        read_femur_model(model(lead_out))


def test_a_link_to_another_file_is_not_followed(model, tmp_path):
    other = model().rename(tmp_path / "other.h5")

    def link(file):
        del file["model/mean"]
        file["model/mean"] = h5py.ExternalLink(str(other), "model/mean")

    with pytest.raises(FileError, match="another file"):
        read_femur_model(model(link))


def test_a_claim_beyond_the_file_is_refused_before_anything_is_allocated(model):
    def claim(file):
        del file["model/pcaBasis"]
        file.create_dataset("model/pcaBasis", (3 * COUNT, 10**9), "f4", chunks=(100, 100))

    with pytest.raises(FileError, match="claims"):
        read_femur_model(model(claim))


def test_triangles_that_make_no_surface_are_refused(model):
    thrice = _replaced("representer/cells", np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4]]).T)
    with pytest.raises(FileError, match="make no surface"):
        read_femur_model(model(thrice))
