"""The torch backend against the CPU kernel, and its gradients against finite differences."""

import line_integrals as truth
import numpy as np
import pytest
from line_integrals import CENTRE

from napari_xray_landmarks.drr.prepared import prepare
from napari_xray_landmarks.drr.render import render, render_with_jacobian
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Volume

torch = pytest.importorskip("torch")
differentiable = pytest.importorskip("napari_xray_landmarks.drr.differentiable")

ISOCENTRE = CENTRE + (3.0, -5.0, 2.0)
MOTION = [0.03, -0.02, 0.04, 2.0, -6.0, 3.0]


def _view(lao=0.0, cran=0.0, distance=700.0, detector=1000.0, pixel=2.0):
    return CArm(lao, cran, 7, distance, detector, (pixel, pixel), (40, 52), tuple(ISOCENTRE)).camera()


VIEWS = {
    "AP": (_view(), False),
    "oblique": (_view(35, 20), False),
    "lateral": (_view(-85, 10), False),
    "cranial": (_view(10, 75), False),
    "source-inside": (_view(25, 5, 14, 200, 1.5), False),
    "detector-inside": (_view(-10, 8, 400, 409, 0.8), True),
    "both-inside": (_view(100, 8, 15, 31, 0.5), True),
    "wide": (_view(30, 15, 9, 20, 2.5), False),
}


@pytest.fixture(scope="module")
def gauss():
    return prepare(truth.gauss_volume((1.6, 2.0, 1.8), True))


@pytest.mark.parametrize(("camera", "to_detector"), VIEWS.values(), ids=VIEWS)
def test_it_agrees_with_the_cpu_kernel(gauss, camera, to_detector):
    renderer = differentiable.TorchRenderer(gauss, camera, ISOCENTRE, to_detector=to_detector)
    images = renderer(torch.tensor([[0.0] * 6, MOTION])).numpy()
    for image, moved in zip(images, (camera, camera.moved(MOTION[:3], MOTION[3:], ISOCENTRE)), strict=True):
        expected = render(gauss, moved, to_detector=to_detector)
        assert expected.max() > 1
        np.testing.assert_allclose(image, expected, atol=1e-4 * expected.max())


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "wide"])  # whose rays graze slices at its rims
def test_the_gradient_in_the_pose_is_the_jacobian(gauss, name):
    camera, to_detector = VIEWS[name]
    renderer = differentiable.TorchRenderer(gauss, camera, ISOCENTRE, to_detector=to_detector)
    motions = torch.zeros((1, 6), dtype=torch.float64, requires_grad=True)
    weights = torch.tensor(np.random.default_rng(0).normal(size=camera.size_px), dtype=torch.float32)
    (renderer(motions)[0] * weights).sum().backward()
    _, jacobian = render_with_jacobian(gauss, camera, ISOCENTRE, to_detector=to_detector)
    scale = np.sqrt((jacobian.astype(float)**2).sum((1, 2)))  # what a sum of independent pixels amounts to
    expected = (jacobian * weights.numpy()).sum((1, 2), dtype=float)
    assert (np.abs(motions.grad[0].numpy() - expected) < 1e-3 * scale).all()


@pytest.mark.parametrize("name", ["oblique", "both-inside", "lateral"])
def test_the_gradient_in_the_volume_is_the_transpose(gauss, name):
    """The image is linear in the volume: <w, A x> = <A' w, x>."""
    camera, to_detector = VIEWS[name]
    renderer = differentiable.TorchRenderer(gauss, camera, ISOCENTRE, to_detector=to_detector)
    renderer.voxels.requires_grad_(True)
    image = renderer(torch.zeros(1, 6))[0]
    weights = torch.tensor(np.random.default_rng(1).normal(size=camera.size_px), dtype=torch.float32)
    product = (image * weights).sum()
    product.backward()
    back = float((renderer.voxels.grad * renderer.voxels.detach()).sum())
    assert back == pytest.approx(float(product.detach()), abs=1e-4 * float(image.detach().norm()))
    assert (renderer.voxels.grad != 0).any()


def test_several_materials_are_as_many_images():
    volume = truth.gauss_volume((1.6, 2.0, 1.8))
    mixed = prepare(volume, np.random.default_rng(0).integers(0, 3, volume.shape))
    camera = _view(20, 5)
    together = differentiable.TorchRenderer(mixed, camera)(torch.zeros(1, 6))[0].numpy()
    expected = render(mixed, camera)
    assert together.shape == expected.shape == (3, *camera.size_px)
    np.testing.assert_allclose(together, expected, atol=1e-4 * expected.max())


def test_steps_along_the_gradient_find_a_displaced_camera(gauss):
    """What registration does: the mean square difference of two images falls to that of the same pose."""
    camera = _view(20, 10)
    target = torch.tensor(render(gauss, camera.moved(MOTION[:3], MOTION[3:], ISOCENTRE)))
    renderer = differentiable.TorchRenderer(gauss, camera, ISOCENTRE)
    unit = torch.tensor([0.02] * 3 + [2.0] * 3, dtype=torch.float64)
    steps = torch.zeros((1, 6), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([steps], max_iter=40, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = ((renderer(steps * unit)[0] - target) ** 2).mean()
        value.backward()
        return value

    before = float(loss().detach())
    optimiser.step(loss)
    assert float(loss().detach()) < 1e-4 * before
    found = (steps * unit).detach()[0].numpy()
    points = CENTRE + np.random.default_rng(0).uniform(-20, 20, (20, 3))
    expected = camera.moved(MOTION[:3], MOTION[3:], ISOCENTRE).project(points)
    assert np.linalg.norm(camera.moved(found[:3], found[3:], ISOCENTRE).project(points) - expected, axis=1).max() < 0.1


def test_a_device_name_gives_the_same_image(gauss):
    camera, _ = VIEWS["oblique"]
    expected = render(gauss, camera)
    image = render(gauss, camera, device="cpu")
    assert isinstance(image, np.ndarray) and image.dtype == np.float32
    np.testing.assert_allclose(image, expected, atol=1e-4 * expected.max())


def test_a_view_that_misses_is_blank_and_its_gradient_zero():
    camera = CArm(isocentre_mm=(900, 0, 0), size_px=(20, 20)).camera()
    motions = torch.zeros((1, 6), requires_grad=True)
    image = differentiable.TorchRenderer(Volume(np.ones((6, 7, 8), np.float32)), camera)(motions)
    image.sum().backward()
    assert not image.any() and not motions.grad.any()


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(wrong):
    voxels = np.ones((4, 4, 4), np.float32)
    voxels[1, 2, 3] = wrong
    with pytest.raises(ValueError, match="not finite"):
        render(Volume(voxels), CArm().camera(), device="cpu")
