"""The report as a user sees it: opened and clicked through in Chromium without a window."""

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from chromium import Browser, chromium
from marked_films import TRUE, detections, training_set
from napari_xray_landmarks.cli import app
from napari_xray_landmarks.evaluation import evaluate
from napari_xray_landmarks.io import Detections, write_detections
from spines import landmark_set, three_curves

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium: apt-get install chromium-headless-shell")

NASTY = "a<img src=x onerror=document.title='owned'>.png"
SHOWN = """(() => {
    const figure = document.querySelector(':target');
    if (!figure) return null;
    const box = figure.getBoundingClientRect();
    return [figure.id, box.top < innerHeight && box.bottom > 0, figure.querySelector('img').naturalWidth];
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    truth = training_set(folder / "truth", {name: {"": TRUE} for name in ("f1", "f2", "f3")}, (0.2, 0.2))
    shifts = {"f1": (0, 1), "f2": (0, 9), "f3": (0, 4)}
    predicted = detections(folder / f"{NASTY}.csv", {n: TRUE + np.array(s) for n, s in shifts.items()},
                           confidence=[0.1, 0.4, 0.8, 0.9])
    evaluate(predicted, truth, folder / "out")
    with Browser(folder / "profile") as browser:
        browser.open((folder / "out" / "report.html").as_uri())
        yield browser


def test_it_loads_nothing_and_runs_nothing(page):
    assert page.value("document.title").startswith(NASTY)
    assert all(url.startswith(("file:", "data:")) for url in page.requests)
    assert sum(url.startswith("file:") for url in page.requests) == 1
    assert not page.errors
    assert page.value("document.querySelectorAll('script, iframe, object').length") == 0
    assert "owned" != page.value("document.title")


def test_every_picture_is_drawn(page):
    widths = page.value("[...document.images].map(i => i.naturalWidth)")
    assert len(widths) == 6 and min(widths) > 100
    assert page.value("[...document.querySelectorAll('svg')].every(s => s.getBoundingClientRect().width > 300)")
    assert page.value("document.body.scrollWidth <= innerWidth")


def test_a_click_on_a_thumbnail_shows_its_picture_and_leads_back(page):
    links = page.value("document.querySelectorAll('.gallery a').length")
    assert links == 3
    for number in range(1, links + 1):
        page.click(f"#thumbnail-{number} img")
        assert page.value(SHOWN)[:2] == [f"case-{number}", True]
        assert page.value(SHOWN)[2] >= 600
        page.click(f"#case-{number} a")
        assert page.value("location.hash") == f"#thumbnail-{number}"
    assert "f2" in page.value("document.querySelector('.gallery a').innerText"), "the worst comes first"


def test_the_thumbnails_work_by_keyboard(page):
    page.value("document.querySelector('#thumbnail-1').focus()")
    page.press("Tab")
    page.press("Enter")
    assert page.value(SHOWN)[:2] == ["case-2", True]


def test_the_page_tries_no_script_of_its_own(page):
    """What a damaged or doctored name brought in could not run either: the page forbids it."""
    page.value("(() => { const s = document.createElement('script'); s.textContent = \"document.title = 'owned'\";"
               "document.body.append(s) })()")
    assert page.value("document.title") != "owned"


@pytest.fixture(scope="module")
def angles(tmp_path_factory):
    """A report of Cobb angles whose film has a name that would run a script."""
    folder, name = tmp_path_factory.mktemp("angles"), "b<img src=x onerror=document.title='owned'>.png"
    (folder / "films").mkdir()
    Image.fromarray(np.full((1200, 700), 90, np.uint8)).save(folder / "films" / name)
    for side, spine in (("found", three_curves(20, 45, 25)), ("true", three_curves(22, 40, 31))):
        (folder / side).mkdir()
        write_detections(folder / side / "landmarks.csv", [Detections(name, landmark_set(spine), None)])
        cobb = ["cobb", str(folder / side / "landmarks.csv"), "-o", str(folder / side / "angles.csv"), "-q"]
        assert CliRunner().invoke(app, cobb).exit_code == 0
    evaluate(folder / "found" / "angles.csv", folder / "true" / "angles.csv", folder / "out", images=folder / "films")
    with Browser(folder / "profile") as browser:
        browser.open((folder / "out" / "report.html").as_uri())
        yield browser


def test_a_report_of_angles_shows_the_film_and_runs_nothing(angles):
    assert "owned" != angles.value("document.title") and not angles.errors
    assert all(url.startswith(("file:", "data:")) for url in angles.requests)
    assert angles.value("document.querySelectorAll('.gallery a').length") == 1
    assert "onerror" in angles.value("document.querySelector('.gallery a').innerText")
    angles.click("#thumbnail-1 img")
    assert angles.value(SHOWN)[:2] == ["case-1", True] and angles.value(SHOWN)[2] >= 600
