"""The page as people use it: filter, sort, keyboard, a narrow screen, the dark, and paper."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluation import report
from tests.support.browser import CHROMIUM, Page, opened
from tests.unit.evaluation.campaigns import fabricate

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium (Debian: apt-get install chromium)")

WIDE, NARROW = 1280, 380

SHOWN = "[...document.querySelectorAll('tbody.trial:not([hidden])')]"
FOCUSED = """(() => {
  const element = document.activeElement;
  return [element.tagName, element.dataset.sort || element.dataset.filter || element.textContent.trim()];
})()"""
OVERFLOWING = """[...document.querySelectorAll('body *')].filter((element) =>
  element.getBoundingClientRect().right > document.documentElement.clientWidth + 1
  && !element.closest('blockquote, .hidden, .line')).map((element) => element.outerHTML.slice(0, 120))"""
LOW_CONTRAST = """(() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return null;
  };
  const low = {};
  let checked = 0;
  for (const element of document.querySelectorAll('body, body *')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!hasText || ['SCRIPT', 'STYLE', 'OPTION'].includes(element.tagName) || !element.checkVisibility()) continue;
    const [text, behind] = [parse(getComputedStyle(element).color), background(element)].map(luminance);
    const ratio = (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
    checked += 1;
    if (ratio < 4.5) low[element.tagName + '.' + element.className] = ratio.toFixed(2);
  }
  return [checked, low];
})()"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("campaigns")
    main = fabricate(folder / "runbook", 48)
    beside = [fabricate(folder / agent, 48, agent=agent).path for agent in ("clairvoyant", "always-healthy", "shotgun")]
    path = folder / "report.html"
    path.write_text(report.render_html(report.read(main.path, beside)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with opened(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Page, page_file: Path) -> Iterator[Page]:
    """The report, freshly opened on a wide screen. Afterwards: no error, and no request but for the file itself."""
    browser.open(page_file, width=WIDE)
    yield browser
    assert browser.requests() == [page_file.as_uri()]
    assert browser.complaints() == []


def shown(page: Page, field: str) -> list[str]:
    values: list[str] = page.evaluate(f"{SHOWN}.map((trial) => trial.dataset.{field})")
    return values


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control of this name has the focus."""
    for _ in range(60):
        page.press("Tab")
        if page.evaluate(FOCUSED)[1] == name:
            return
    raise AssertionError(f"{name} cannot be reached with Tab")


def test_a_filter_leaves_the_trials_that_match(page: Page) -> None:
    page.evaluate("""(() => {
      const select = document.querySelector('[data-filter=verdict]');
      select.value = 'fail';
      select.dispatchEvent(new Event('change', {bubbles: true}));
    })()""")

    failed = shown(page, "verdict")
    assert set(failed) == {"fail"}
    assert page.evaluate("document.querySelector('output').textContent") == f"{len(failed)} of 48 trials"


def test_filters_are_used_together_and_reset_from_the_keyboard(page: Page) -> None:
    tab_to(page, "arm")
    page.press("ArrowDown")
    page.press("Tab")
    page.press("ArrowDown")

    assert set(shown(page, "arm")) == {"fault"}
    assert set(shown(page, "stack")) == {"app"}

    tab_to(page, "Show all")
    page.press("Enter")
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 50))")
    assert len(shown(page, "id")) == 48


def test_a_filter_that_nothing_matches_says_so(page: Page) -> None:
    page.evaluate("""(() => {
      for (const [name, value] of [['verdict', 'void'], ['arm', 'fault']]) {
        document.querySelector(`[data-filter=${name}]`).value = value;
      }
      for (const trial of document.querySelectorAll('[data-verdict=void]')) trial.dataset.arm = 'healthy';
      document.querySelector('form').dispatchEvent(new Event('change'));
    })()""")

    assert shown(page, "id") == []
    assert page.evaluate("document.querySelector('.nothing').checkVisibility()") is True


@pytest.mark.parametrize("column", ["seconds", "cost"])
def test_a_column_sorts_up_and_down_by_number_and_what_is_missing_comes_last(page: Page, column: str) -> None:
    click = f"document.querySelector('[data-sort={column}]').click()"
    page.evaluate(click)
    up = shown(page, column)
    page.evaluate(click)
    down = shown(page, column)

    numbers = [float(value) for value in up if value]
    assert numbers == sorted(numbers)
    assert [float(value) for value in down if value] == sorted(numbers, reverse=True)
    assert up[len(numbers) :] == down[len(numbers) :] == [""] * 4


def test_columns_sort_from_the_keyboard_and_say_so_to_a_screen_reader(page: Page) -> None:
    tab_to(page, "verdict")  # the filter
    tab_to(page, "verdict")  # the column
    page.press("Enter")

    order = ["fail", "undecided", "pass", "void"]
    verdicts = shown(page, "verdict")
    assert verdicts == sorted(verdicts, key=order.index)
    sorted_by = "[...document.querySelectorAll('[aria-sort]')].map((th) => [th.textContent, th.ariaSort])"
    assert page.evaluate(sorted_by) == [["Verdict", "ascending"]]

    page.press(" ")
    assert page.evaluate(sorted_by) == [["Verdict", "descending"]]
    assert shown(page, "verdict")[0] == "void"


def test_a_trial_opens_from_the_keyboard_and_focus_is_visible(page: Page) -> None:
    for _ in range(60):
        page.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.press("Enter")

    assert outline == "solid"
    assert page.evaluate("document.activeElement.parentElement.open") is True
    assert page.evaluate("document.querySelector('.detail blockquote').checkVisibility()") is True


def test_a_link_to_a_trial_opens_it(page: Page) -> None:
    page.evaluate("location.hash = 'trial-0005'; new Promise((resolve) => setTimeout(resolve, 50))")

    opened = "[...document.querySelectorAll('details[open]')].map((each) => each.closest('tbody').dataset.id)"
    assert page.evaluate(opened) == ["0005"]


@pytest.mark.parametrize("width", [320, NARROW, 700, WIDE])
def test_nothing_is_wider_than_the_screen(page: Page, width: int) -> None:
    page.use_width(width)
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERFLOWING) == []


def test_tables_stay_tables_on_a_narrow_screen(page: Page) -> None:
    page.use_width(NARROW)

    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if "role" in node and not node.get("ignored")]
    assert roles.count("table") >= 5
    assert roles.count("row") >= 90


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(page: Page, scheme: str) -> None:
    page.use_media(scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")

    checked, low = page.evaluate(LOW_CONTRAST)
    assert checked > 1000
    assert low == {}


def test_dark_is_dark(page: Page) -> None:
    backgrounds = []
    for scheme in ("light", "dark"):
        page.use_media(scheme=scheme)
        backgrounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert backgrounds == ["rgb(247, 247, 244)", "rgb(18, 21, 24)"]


def test_on_paper_details_are_open_and_controls_are_gone(page: Page, tmp_path: Path) -> None:
    page.use_media(medium="print")

    assert page.evaluate("document.querySelector('form.controls').checkVisibility()") is False
    assert page.evaluate("document.querySelector('.detail').checkVisibility()") is True
    page.use_media()
    page.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").stat().st_size > 50_000
    assert page.evaluate("document.querySelectorAll('details[open]').length") == 0
