"""A timeline's page as a browser draws it, which has no network."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.incidents import page
from tests.support import browser, timelines
from tests.support.browser import Page

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium (Debian: apt-get install chromium)")

RECORDS = {
    "45 minutes": timelines.with_incidents((10, 55), minutes=75),
    "a rehearsal": timelines.with_incidents((0.2, 0.9), minutes=1, bucket=0.05),
    "several": timelines.with_incidents((20, 50), (80, 92), (150, None), minutes=180),
    "healthy": timelines.with_incidents(),
    "hostile": timelines.hostile(),
    "empty": timelines.empty(),
}
DRAWN = "document.querySelector('#chart .main-svg .xaxislayer-above') !== null"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
BARS = "[...document.querySelectorAll('#chart .bars path')]"
ROW_TITLES = "[...document.querySelectorAll('#chart .annotation-text')].map(text => text.textContent)"
TIME_LABELS = "[...document.querySelectorAll('#chart .xtick text')]"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(13, 17, 23)"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser.opened(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    written = {name: folder / f"{name}.html" for name in RECORDS}
    for name, file in written.items():
        file.write_text(page.render(RECORDS[name]), encoding="utf-8")
    return written


def boxes(chromium: Page, elements: str) -> list[dict[str, Any]]:
    """Return where elements are, those without any area left out, from left to right."""
    rectangles = chromium.evaluate(f"{elements}.map(element => element.getBoundingClientRect().toJSON())")
    return sorted((box for box in rectangles if box["width"] and box["height"]), key=lambda box: box["left"])


@pytest.mark.parametrize("name", ["45 minutes", "a rehearsal", "several", "hostile"])
@pytest.mark.parametrize("width", [380, 1000])
def test_all_rows_are_drawn_without_a_request(name: str, width: int, chromium: Page, files: dict[str, Path]) -> None:
    chromium.open(files[name], width=width)
    chromium.wait_for(DRAWN)

    assert len(chromium.evaluate(ROW_TITLES)) == 7
    assert chromium.evaluate("document.querySelectorAll('#chart .scatterlayer .point').length") == len(
        RECORDS[name]["deployments"]
    )
    bars = boxes(chromium, BARS)
    assert len({round(bar["bottom"]) for bar in bars if bar["height"] > 30}) == 3  # requests, errors and 5xx
    assert chromium.requests() == [files[name].as_uri()]
    assert chromium.complaints() == []


@pytest.mark.parametrize("name", RECORDS)
def test_a_phone_need_not_scroll_sideways(name: str, chromium: Page, files: dict[str, Path]) -> None:
    chromium.open(files[name], width=380)
    if name != "empty":
        chromium.wait_for(DRAWN)

    assert chromium.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [380, 380]
    assert all(box["left"] >= 0 and box["right"] <= 380 for box in boxes(chromium, TIME_LABELS))


@pytest.mark.parametrize("name", ["45 minutes", "a rehearsal", "several", "healthy"])
@pytest.mark.parametrize("width", [380, 1000])
def test_labels_of_the_time_axis_are_level_and_apart(
    name: str, width: int, chromium: Page, files: dict[str, Path]
) -> None:
    chromium.open(files[name], width=width)
    chromium.wait_for(DRAWN)
    labels = boxes(chromium, TIME_LABELS)

    assert len(labels) >= 2
    assert all(label["height"] < 20 for label in labels)
    assert all(left["right"] < right["left"] for left, right in itertools.pairwise(labels))


def test_the_incident_is_as_wide_as_the_failures(chromium: Page, files: dict[str, Path]) -> None:
    chromium.open(files["45 minutes"])
    chromium.wait_for(DRAWN)
    (shade,) = boxes(chromium, "[...document.querySelectorAll('#chart .shapelayer path')]")
    color = chromium.evaluate(
        "(probe => { probe.style.color = getComputedStyle(document.documentElement).getPropertyValue('--bad');"
        " return getComputedStyle(document.body.appendChild(probe)).color })(document.createElement('i'))"
    )
    bad = f"{BARS}.filter(bar => getComputedStyle(bar).fill === '{color}')"
    failures = [bar for bar in boxes(chromium, bad) if bar["height"] > 60]

    assert failures[0]["left"] == pytest.approx(shade["left"], abs=1)
    assert failures[-1]["right"] == pytest.approx(shade["right"], abs=1)


def test_the_scheme_is_followed_also_when_it_changes(chromium: Page, files: dict[str, Path]) -> None:
    title = "getComputedStyle(document.querySelector('#chart .annotation-text')).fill"
    chromium.open(files["45 minutes"], scheme="dark")
    chromium.wait_for(DRAWN)
    assert chromium.evaluate(BACKGROUND) == DARK
    assert chromium.evaluate(title) == "rgb(230, 237, 243)"

    chromium.use_media(scheme="light")
    chromium.wait_for(f"{title} === 'rgb(31, 35, 40)'")
    assert chromium.evaluate(BACKGROUND) == LIGHT


def test_a_zoom_outlasts_a_change_of_the_scheme(chromium: Page, files: dict[str, Path]) -> None:
    chromium.open(files["45 minutes"])
    chromium.wait_for(DRAWN)
    chromium.evaluate("Plotly.relayout('chart', {dragmode: 'zoom'}).then(() => 0)")  # Chromium here has no mouse
    for kind, x in (("mousePressed", 300), ("mouseMoved", 350), ("mouseMoved", 500), ("mouseReleased", 500)):
        chromium.call("Input.dispatchMouseEvent", type=kind, x=x, y=350, button="left", buttons=1, clickCount=1)
    full = ["2026-11-25T13:30:00.000", "2026-11-25T14:45:00.000"]
    chromium.wait_for(f"chart.layout.xaxis.range[0] !== '{full[0]}'")
    zoomed = chromium.evaluate("chart.layout.xaxis.range")

    chromium.use_media(scheme="dark")
    chromium.wait_for(f"chart.layout.font.color === '{page.PALETTES['dark'].ink}'")
    assert chromium.evaluate("chart.layout.xaxis.range") == zoomed


def test_print_is_light_and_fits_the_paper(chromium: Page, files: dict[str, Path], tmp_path: Path) -> None:
    chromium.open(files["45 minutes"], scheme="dark", width=1000)
    chromium.wait_for(DRAWN)
    chromium.evaluate(
        "void addEventListener('beforeprint', () => {"
        " globalThis.printed = [chart.layout.font.color, chart.querySelector('.main-svg').clientWidth] })"
    )
    chromium.pdf(tmp_path / "page.pdf")

    assert chromium.evaluate("printed") == [page.PALETTES["light"].ink, 680]
    assert chromium.evaluate("chart.layout.font.color") == page.PALETTES["dark"].ink
    chromium.wait_for("chart.querySelector('.main-svg').clientWidth === chart.clientWidth")


def test_texts_from_outside_do_nothing(chromium: Page, files: dict[str, Path]) -> None:
    chromium.open(files["hostile"])
    chromium.wait_for(DRAWN)
    chromium.evaluate("chart.scrollIntoView()")  # the texts above it are long
    x, y = chromium.evaluate(
        "(box => [box.x + box.width / 2, box.y + box.height / 2])"
        "(document.querySelector('#chart .scatterlayer .point').getBoundingClientRect())"
    )
    chromium.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    chromium.wait_for("document.querySelector('#chart .hoverlayer').textContent.includes('Deployment 1')")

    assert "</script><script>document.title=" in chromium.evaluate("document.querySelector('.hoverlayer').textContent")
    assert chromium.evaluate("document.title").startswith("Timeline of </script><script>document.title='owned'")
    assert chromium.evaluate("document.querySelectorAll('main b, main a, header b').length") == 0
    assert chromium.complaints() == []


def test_an_empty_timeline_is_a_sentence(chromium: Page, files: dict[str, Path]) -> None:
    chromium.open(files["empty"], scheme="dark")

    assert chromium.evaluate("document.querySelector('h1').textContent") == (
        "Nothing was recorded from 13:30 to 14:30 UTC."
    )
    assert chromium.evaluate(BACKGROUND) == DARK
    assert chromium.requests() == [files["empty"].as_uri()]
    assert chromium.complaints() == []
