"""Each text that a page says is there in each language, with the same places in it."""

import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Route

from tests.words_said import bare, kept, missing, plurals, scripts, templates, tidy, unneeded
from townsquare.model.errors import Invalid
from townsquare.model.texts import CATEGORIES, Language, reading, text, text_of
from townsquare.model.town import Town
from townsquare.web.languages import Speaking, chosen, languages, routes
from townsquare.web.pages import Pages

OTHERS = [language for tag, language in languages().items() if tag != "en"]
FORMS = {"de": {"one", "other"}, "fr": {"one", "other"}, "es": {"one", "other"}}
FORMS["sr-Latn"] = {"one", "few", "other"}
PLACE = re.compile(r"\{\w+\}")


def places(told: str) -> list[str]:
    return sorted(PLACE.findall(told))


def test_no_language_lacks_a_text_or_keeps_one_that_nobody_says() -> None:
    assert {file: found for file, found in missing().items() if found} == {}
    assert {file: found for file, found in unneeded().items() if found} == {}


def test_catalogues_are_in_order_so_that_changes_can_be_read() -> None:
    assert [path.name for _, path, has in kept() if path.read_text() != tidy(has)] == []


@pytest.mark.parametrize("language", OTHERS, ids=lambda one: one.tag)
def test_what_is_filled_in_stands_in_each_translation(language: Language) -> None:
    counted = {other for _, other in plurals()}
    for english, told in language.texts.items():
        if english in counted:
            assert not isinstance(told, str), english
            assert set(told) == FORMS[language.tag], english
        forms = [told] if isinstance(told, str) else [told["other"]]
        for form in forms:
            assert places(form) == places(english), (english, form)


@pytest.mark.parametrize("file", [*templates(), *scripts()], ids=lambda file: file.name)
def test_no_word_stands_in_a_page_itself(file: Path) -> None:
    assert bare(file) == set()


@pytest.mark.parametrize(
    ("tag", "n", "category"),
    [
        ("en", 1, "one"),
        ("en", 0, "other"),
        ("de", 2, "other"),
        ("fr", 0, "one"),
        ("fr", 2, "other"),
        ("sr-Latn", 1, "one"),
        ("sr-Latn", 21, "one"),
        ("sr-Latn", 11, "other"),
        ("sr-Latn", 3, "few"),
        ("sr-Latn", 13, "other"),
        ("sr-Latn", 24, "few"),
        ("sr-Latn", 5, "other"),
    ],
)
def test_numbers_take_the_form_of_their_language(tag: str, n: int, category: str) -> None:
    assert CATEGORIES[tag](n) == category


def test_a_text_is_said_in_the_language_that_is_read() -> None:
    forms = {"one": "{n} uzbuna", "few": "{n} uzbune", "other": "{n} uzbuna (5)"}
    serbian = Language("sr-Latn", "Srpski", {"Until {t}": "Do {t}", "{n} alarms": forms})
    before = reading.set(serbian)
    try:
        assert text("Until {t}", t="6:00") == "Do 6:00"
        assert text("Not translated") == "Not translated"
        assert text_of(22, "{n} alarm", "{n} alarms") == "22 uzbune"
    finally:
        reading.reset(before)
    assert text_of(1, "{n} alarm", "{n} alarms") == "1 alarm"


@pytest.mark.parametrize(
    ("asked", "cookie", "tag"),
    [
        ("", "", "en"),
        ("de-AT,de;q=0.9,en;q=0.8", "", "de"),
        ("ja, es;q=0.4, fr;q=0.5", "", "fr"),
        ("sr", "", "sr-Latn"),
        ("sr-Cyrl-RS", "", "sr-Latn"),
        ("fr;q=0, es", "", "es"),
        ("de;q=much, es;q=0.1", "", "es"),
        ("de", "fr", "fr"),
        ("de", "xx", "de"),
        (",;=,;;q=1,*", "", "en"),
    ],
)
def test_the_choice_counts_before_what_the_browser_asks_for(
    asked: str, cookie: str, tag: str
) -> None:
    headers = Headers({"accept-language": asked, "cookie": f"townsquare-language={cookie}"})
    assert chosen(headers).tag == tag


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://town.test/control/load?month=2030-05", "/control/load?month=2030-05"),
        ("http://other.test/control", "/control"),
        ("http://town.test//other.test/", "/other.test/"),
        ("http://town.test/\\other.test", "/other.test"),
        ("", "/"),
    ],
)
async def test_who_chooses_a_language_stays_on_this_server(referer: str, back: str) -> None:
    site = Speaking(Starlette(routes=routes()))
    transport = httpx.ASGITransport(app=site)
    async with httpx.AsyncClient(transport=transport, base_url="http://town.test") as http:
        told = await http.post("/language", data={"language": "fr"}, headers={"referer": referer})
        assert told.status_code == 303
        assert told.headers["location"] == back
        assert told.cookies["townsquare-language"] == "fr"
        with pytest.raises(Invalid, match="none of en, de, fr, es, sr-Latn"):
            await http.post("/language", data={"language": "xx"})


async def test_a_page_is_told_in_the_language_of_who_visits() -> None:
    pages = Pages(Town(name="Fr<a>ncheville"), demo=False)
    home = [Route("/", lambda _: pages.page("signed-out.html", there="", host=""))]
    transport = httpx.ASGITransport(app=Speaking(Starlette(routes=home)))
    async with httpx.AsyncClient(transport=transport, base_url="http://town.test") as http:
        told = await http.get("/", headers={"accept-language": "fr-CH, en;q=0.5"})
    assert '<html lang="fr">' in told.text
    assert "Fr&lt;a&gt;ncheville" in told.text
    assert "Salle de contrôle" in told.text
    assert told.headers["content-language"] == "fr"
    assert told.headers["vary"] == "Accept-Language, Cookie"
