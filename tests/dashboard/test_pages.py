"""Every page in a real browser: what it shows, that it stays at home, and that everybody can reach it."""

import shutil
from itertools import pairwise

import pytest

from tests.browser import Browser, needs_chromium, served
from tests.site_fixture import built_site, needs_node

pytestmark = [needs_node, needs_chromium]

# page -> what must have been drawn before it counts as shown
PAGES = {
    "": "#headline table",
    "dashboard/": "#provenance table",
    "dashboard/leaderboard/": "#results table",
    "dashboard/curves/": "#curves svg",
    "dashboard/sql/": "#tables details",
    "paper/": "#fig-captures svg",
}


@pytest.mark.parametrize(("page", "drawn"), PAGES.items())
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_page_is_whole_and_stays_at_home(
    browser: Browser, url: str, page: str, drawn: str, width: int, dark: bool
) -> None:
    with browser.open_site(url + page, width=width, dark=dark) as visit:
        visit.page.wait_for_selector(drawn)
        visit.page.mouse.wheel(0, 5000)  # figures that load when they are looked at
        visit.page.wait_for_selector(".loading", state="detached")
        visit.page.wait_for_load_state("networkidle")
        assert visit.page.locator("aside.demo").inner_text().startswith("Demo numbers, not results.")
        assert built_site().snapshot.snapshot_id[:12] in visit.page.locator("footer").inner_text()
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
        visit.check()


@pytest.mark.parametrize("page", PAGES)
def test_page_has_landmarks_headings_and_labels(browser: Browser, url: str, page: str) -> None:
    with browser.open_site(url + page) as visit:
        visit.page.wait_for_selector(PAGES[page])
        count = visit.page.locator
        assert [count(name).count() for name in ("main", "h1", "body > header", "body > footer")] == [1, 1, 1, 1]
        assert visit.page.evaluate("document.documentElement.lang") == "en"
        levels = visit.page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
        unnamed = "e => e.filter(x => !x.labels?.length && !x.ariaLabel).map(x => x.outerHTML)"
        assert count("select, textarea, input").evaluate_all(unnamed) == []
        assert count("table").evaluate_all("t => t.filter(x => !x.caption?.innerText).length") == 0
        assert count("main figure svg[width], .plot > svg").evaluate_all("s => s.filter(x => !x.ariaLabel).length") == 0


@pytest.mark.parametrize("page", PAGES)
def test_page_is_reached_by_keyboard(browser: Browser, url: str, page: str) -> None:
    focused = "document.activeElement.textContent.trim() || document.activeElement.tagName"
    with browser.open_site(url + page) as visit:
        visit.page.wait_for_selector(PAGES[page])
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate(focused) == "Skip to content"
        assert visit.page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
        seen = []
        for _ in range(6):
            visit.page.keyboard.press("Tab")
            seen.append(visit.page.evaluate(focused))
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            assert visit.page.evaluate(outline) != "none", f"{seen[-1]} shows no focus"
        assert seen == ["KD-GAT", "Overview", "Leaderboard", "Training curves", "SQL", "Paper"]


def test_light_and_dark_differ_and_both_are_readable(browser: Browser, url: str) -> None:
    contrast = """() => {
      const light = (text) => {
        const [r, g, b] = text.match(/[\\d.]+/g).map((v) => v / 255)
          .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const behind = (node) => {
        const colour = getComputedStyle(node).backgroundColor;
        return /, 0\\)|transparent/.test(colour) ? behind(node.parentElement) : colour;
      };
      const texts = [...document.querySelectorAll("h1, .lead, caption, td, th button, nav a, .demo p, footer p, a")];
      return Math.min(...texts.map((node) => {
        const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
      }));
    }"""
    grounds = set()
    for dark in (False, True):
        with browser.open_site(url + "dashboard/leaderboard/", dark=dark) as visit:
            visit.page.wait_for_selector("#results table")
            grounds.add(visit.page.evaluate("getComputedStyle(document.body).backgroundColor"))
            assert visit.page.evaluate(contrast) >= 4.5  # WCAG 2.2, 1.4.3
    assert len(grounds) == 2


def test_the_site_works_below_any_folder(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("host")
    shutil.copytree(built_site().out, folder / "some" / "project")
    with served(folder) as url, browser.open_site(url + "some/project/dashboard/leaderboard/") as visit:
        visit.page.wait_for_selector("#results table")
        visit.page.click("nav >> text=Training curves")
        visit.page.wait_for_selector("#curves svg")
        visit.check()


def test_an_unknown_address_says_so(browser: Browser, url: str) -> None:
    with browser.open_site(url + "dashboard/none/at/all") as visit:
        assert visit.page.locator("h1").inner_text() == "Not found"
        assert visit.violations == []
