"""Pictures of every page, light and dark, into the folder named by SCREENSHOTS."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

FOLDER = Path(os.environ.get("SCREENSHOTS", "screenshots"))
PAGES = {
    "searches": "/",
    "search": "/searches/first",
    "trial": "/searches/first/trials/2",
    "compare": "/compare?name=first&name=second&published=true",
    "submit": "/submit",
    "missing": "/searches/frist",
}


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_screenshot(seeded, open_page, name, scheme, width):
    page = open_page(
        seeded, PAGES[name], width=width, color_scheme=scheme, forgiven=["status of 404"]
    )
    expect(page.locator("main section.panel").first).to_be_visible()
    for panel in page.locator("section.panel").all():
        if panel.is_visible():
            panel.scroll_into_view_if_needed()
            expect(panel.locator(".spin")).to_have_count(0)
    # A headless browser blocks notices, and a person's doesn't.
    page.locator("#notices").evaluate("button => { button.textContent = 'Notices: off'; }")
    page.evaluate("() => scrollTo(0, 0)")
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}-{scheme}-{width}.png", full_page=True)
