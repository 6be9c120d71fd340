"""Files of pages: what stands on the disk now, packed where a browser takes it so."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from townsquare.web.files import LEAST, Files

LONG = "export const town = 1;\n" * LEAST
SHORT = "export {};\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "below").mkdir(parents=True)
    (folder / "long.js").write_text(LONG)
    (folder / "below" / "short.js").write_text(SHORT)
    (tmp_path / "secret.js").write_text("no")
    return folder


@pytest.fixture
async def browser(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    site = Starlette(routes=[Mount("/static", Files(folder))])
    transport = httpx.ASGITransport(app=site)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as http:
        yield http


@pytest.mark.parametrize(
    ("path", "accepts", "packed", "text"),
    [
        ("long.js", "gzip, br", "gzip", LONG),
        ("long.js", "identity", None, LONG),
        ("below/short.js", "gzip, br", None, SHORT),
    ],
)
async def test_a_file_comes_whole_and_is_asked_about_each_time(
    browser: httpx.AsyncClient, path: str, accepts: str, packed: str | None, text: str
) -> None:
    for _ in range(2):
        answer = await browser.get(f"/static/{path}", headers={"accept-encoding": accepts})
        assert answer.text == text
        assert answer.headers.get("content-encoding") == packed
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"].startswith("text/javascript")


async def test_what_a_browser_has_is_not_sent_again_until_it_changed(
    browser: httpx.AsyncClient, folder: Path
) -> None:
    known = (await browser.get("/static/long.js")).headers["etag"]
    again = await browser.get("/static/long.js", headers={"if-none-match": known})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == known
    (folder / "long.js").write_text(SHORT)
    os.utime(folder / "long.js", (1, 1))
    changed = await browser.get("/static/long.js", headers={"if-none-match": known})
    assert (changed.status_code, changed.text) == (200, SHORT)


@pytest.mark.parametrize("path", ["none.js", "below", "../secret.js", "%2e%2e/secret.js"])
async def test_nothing_else_is_there(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(f"/static/{path}")).status_code == 404


async def test_files_are_not_changed_from_outside(browser: httpx.AsyncClient) -> None:
    assert (await browser.put("/static/long.js", content=b"x")).status_code == 405
