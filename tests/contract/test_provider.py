"""Sign-in by the town's identity provider: the usual way, and every known way to abuse it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from tests.authenticator import Authenticator, raw
from tests.conftest import OpenBroker
from tests.identity_provider import CLIENT, ISSUER, SECRET, IdentityProvider
from tests.office import Browser, Office, another, first
from townsquare.context import outgoing
from townsquare.model.errors import Invalid
from townsquare.trust.identity import emergency
from townsquare.trust.identity.provider import OLDEST_S, SKEW_S, Settings, farewell
from townsquare.trust.identity.types import TYPES
from townsquare.web.accounts.attempt import COOKIE, PATH, RUNS
from townsquare.web.accounts.desk import Beside
from townsquare.web.accounts.provider import AGAIN, BACK, KNOWN_FOR, Provider

SETTINGS = Settings(
    ISSUER, CLIENT, "secret:oidc", "groups", (("control-room", "operator"), ("it", "administrator"))
)


class Town(Office):
    """With an identity provider, reached over HTTP as the real one would be."""

    async def open(self) -> "Town":
        self.idp = IdentityProvider(self.broker.clock)
        transport = httpx.ASGITransport(app=self.idp.app)
        client = outgoing.Client(outgoing.LOOPBACK_ONLY, transport)
        self.beside = Beside(Provider(SETTINGS, SECRET, client))
        await super().open()
        return self

    async def leave(self, browser: Browser) -> str:
        """To the provider and back: the address that the browser is sent to."""
        gone = await browser.http.get(PATH)
        assert gone.status_code == 303, gone.text
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.idp.app)) as beyond:
            return str((await beyond.get(gone.headers["location"])).headers["location"])

    async def sign_in(self, browser: Browser) -> httpx.Response:
        return await browser.http.get(await self.leave(browser))


@pytest.fixture
async def town(open_broker: OpenBroker) -> Town:
    return await Town(open_broker(*TYPES)).open()


async def test_somebody_of_the_provider_comes_in_with_the_roles_that_it_gives(town: Town) -> None:
    browser = town.browser()
    answer = await town.sign_in(browser)
    assert answer.status_code == 200
    assert await browser.roles() == ["operator"]
    me = await browser.me()
    assert "ada" not in me
    assert town.people.of(me).kept.name == "Ada Lovelace"
    town.idp.groups = ["it", "canteen"]
    elsewhere = town.browser()
    await town.sign_in(elsewhere)
    assert (await elsewhere.me(), await elsewhere.roles()) == (me, ["administrator"])
    assert await browser.roles() == ["citizen"], "signed in with roles of before"


async def test_what_leaves_and_comes_back_is_of_one_browser(town: Town) -> None:
    ada, eve = town.browser(), town.browser()
    back = await town.leave(ada)
    assert (await eve.http.get(back)).status_code == 403, "no cookie"
    await town.leave(eve)
    assert (await eve.http.get(back)).status_code == 403, "the cookie of another attempt"
    assert (await ada.http.get(back)).status_code == 200
    assert await eve.roles() == ["citizen"]


async def test_an_answer_is_used_once_and_soon(town: Town) -> None:
    browser = town.browser()
    back = await town.leave(browser)
    seed = browser.http.cookies[COOKIE]
    assert (await browser.http.get(back)).status_code == 200
    again = town.browser()
    again.http.cookies.set(COOKIE, seed)
    assert (await again.http.get(back)).status_code == 403
    late = await town.leave(browser)
    town.now += RUNS
    assert (await browser.http.get(late)).status_code == 403


@pytest.mark.parametrize("said", ["https://evil.example", None, ""])
async def test_an_answer_of_another_provider_is_refused(town: Town, said: str | None) -> None:
    town.idp.answers_as = said
    assert (await town.sign_in(town.browser())).status_code == 403


NOW_S = 1906545600  # the office's noon
CLAIMS: list[dict[str, Any]] = [
    {"nonce": "another"},
    {"nonce": None},
    {"iss": "https://evil.example"},
    {"iss": f"{ISSUER}/"},
    {"iss": None},
    {"aud": "somebody-else"},
    {"aud": [CLIENT, "somebody-else"]},
    {"aud": None},
    {"azp": "somebody-else"},
    {"exp": NOW_S - SKEW_S - 1},
    {"exp": None},
    {"exp": "soon"},
    {"iat": NOW_S - OLDEST_S - SKEW_S},
    {"iat": NOW_S + SKEW_S + 30},
    {"iat": None},
    {"nbf": NOW_S + SKEW_S + 30},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"groups": []},
    {"groups": ["canteen"]},
    {"groups": {"control-room": True}},
    {"groups": None},
]


@pytest.mark.parametrize("claims", CLAIMS, ids=repr)
async def test_claims_that_do_not_hold(town: Town, claims: dict[str, Any]) -> None:
    assert town.now.timestamp() == NOW_S
    town.idp.claims = claims
    browser = town.browser()
    assert (await town.sign_in(browser)).status_code == 403
    assert await browser.roles() == ["citizen"]
    assert town.people.everyone() == []


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"nonce": "another"}, "belongs to another sign-in; begin again"),
        ({"exp": NOW_S - SKEW_S - 1}, "clocks of the town and of the identity provider"),
        ({"iat": NOW_S + SKEW_S + 30}, "clocks of the town and of the identity provider"),
        ({"iat": NOW_S - OLDEST_S - SKEW_S}, "clocks of the town and of the identity provider"),
        ({"aud": "somebody-else"}, "meant for another program"),
        ({"groups": ["canteen"]}, "gives you no role here; ask your administrator"),
    ],
)
async def test_what_went_wrong_is_said_in_plain_words(
    town: Town, claims: dict[str, Any], said: str
) -> None:
    town.idp.claims = claims
    assert said in (await town.sign_in(town.browser())).json()["detail"]


async def test_the_way_out_is_the_providers_own(town: Town) -> None:
    known = {"issuer": ISSUER, "end_session_endpoint": f"{ISSUER}/logout?tenant=1"}
    there = farewell(known, SETTINGS, "a.b.c", "http://localhost:8400/signin")
    asked = parse_qs(urlsplit(there).query)
    assert there.startswith(f"{ISSUER}/logout?tenant=1&")
    assert asked["id_token_hint"] == ["a.b.c"]
    assert asked["client_id"] == [CLIENT]
    assert asked["post_logout_redirect_uri"] == ["http://localhost:8400/signin"]
    for end in (None, 7, "http://login.example.org/logout", "javascript:alert(1)"):
        assert farewell({**known, "end_session_endpoint": end}, SETTINGS, "a.b.c", "x") == ""


@pytest.mark.parametrize("announced", [True, False])
async def test_who_signs_out_is_out_here_and_led_out_there(town: Town, announced: bool) -> None:
    town.idp.says_goodbye = announced
    browser = town.browser()
    await town.sign_in(browser)
    answer = await browser.form("/session/end-everywhere")
    assert await browser.roles() == ["citizen"]
    assert (answer.status_code, f"{ISSUER}/logout?" in answer.text) == (
        (200, True) if announced else (303, False)
    )


@pytest.mark.parametrize("claims", [{"exp": NOW_S - SKEW_S + 5}, {"iat": NOW_S + SKEW_S - 5}])
async def test_clocks_may_differ_by_a_minute(town: Town, claims: dict[str, Any]) -> None:
    town.idp.claims = claims
    assert (await town.sign_in(town.browser())).status_code == 200


async def test_a_token_without_a_signature_is_refused(town: Town) -> None:
    town.idp.header = {"alg": "none"}
    assert (await town.sign_in(town.browser())).status_code == 403


async def test_the_providers_public_key_is_no_shared_secret(town: Town) -> None:
    town.idp.header = {"alg": "HS256"}
    assert (await town.sign_in(town.browser())).status_code == 403


@pytest.mark.parametrize("algorithm", ["RS512", "PS256"])
async def test_other_algorithms_are_refused(town: Town, algorithm: str) -> None:
    town.idp.header = {"alg": algorithm}
    assert (await town.sign_in(town.browser())).status_code == 403


@pytest.mark.parametrize("kid", ["first", "other", "../../keys", "' or 1=1", ""])
async def test_a_key_that_a_token_brings_along_is_refused(town: Town, kid: str) -> None:
    own = RSAKey.generate_key(2048)
    town.idp.signer = own
    town.idp.header = {"kid": kid, "jwk": own.as_dict(private=False), "jku": "https://evil.example"}
    assert (await town.sign_in(town.browser())).status_code == 403


async def test_keys_rotate_and_strange_keys_are_asked_for_once_a_minute(town: Town) -> None:
    assert (await town.sign_in(town.browser())).status_code == 200
    town.now += AGAIN
    town.idp.rotate()
    assert (await town.sign_in(town.browser())).status_code == 200
    asked = len(town.idp.asked)
    town.idp.header = {"kid": "unknown"}
    for _ in range(3):
        assert (await town.sign_in(town.browser())).status_code == 403
    assert len(town.idp.asked) == asked


async def test_when_the_provider_is_down_two_people_come_in_nevertheless(town: Town) -> None:
    admin, one = await first(town)
    _, two, _ = await another(town, admin, "security", organisation="Police")
    town.idp.down = True
    answer = await town.browser().http.get(PATH)
    assert answer.status_code == 503
    assert "emergency access" in answer.json()["detail"]
    browser = town.browser()
    await browser.emergency(one)
    await browser.emergency(two)
    assert await browser.roles() == [emergency.ROLE]
    town.idp.down, town.now = False, town.now + KNOWN_FOR
    assert (await town.sign_in(town.browser())).status_code == 200


async def test_somebody_who_is_disabled_here_stays_out(town: Town) -> None:
    browser = town.browser()
    await town.sign_in(browser)
    admin, _ = await first(town)
    await admin.form("/accounts/disable", id=await browser.me())
    assert (await town.sign_in(browser)).status_code == 403
    assert await browser.roles() == ["citizen"]


async def test_the_code_goes_to_the_provider_alone(town: Town) -> None:
    gone = await town.browser().http.get(PATH)
    location = urlsplit(gone.headers["location"])
    asked = parse_qs(location.query)
    assert f"{location.scheme}://{location.netloc}" == ISSUER
    assert asked["redirect_uri"] == [f"http://localhost:8400{BACK}"]
    cookie = gone.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=lax", "path=/session/provider"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://login.example.org"},
        {"issuer": "https://user@login.example.org"},
        {"issuer": "https://login.example.org?x=1"},
        {"client_id": ""},
        {"client_secret": ""},
        {"roles": ()},
    ],
)
def test_settings_that_are_refused(wrong: dict[str, Any]) -> None:
    fine = {"issuer": ISSUER, "client_id": "x", "client_secret": "secret:x", "roles": (("a", "b"),)}
    with pytest.raises(Invalid):
        Settings(**{**fine, **wrong})


@pytest.mark.parametrize("seed", ["²", "²".encode().decode("latin-1"), "9" * 12, "-1.x", ""])
async def test_a_cookie_that_we_did_not_make_breaks_nothing(town: Town, seed: str) -> None:
    headers = {b"cookie": f"{COOKIE}={seed}".encode("latin-1")}
    answer = await town.browser().http.get(f"{BACK}?state=x&code=y", headers=headers)
    assert answer.status_code == 403


async def test_a_passkey_does_not_outlive_what_the_provider_says(town: Town) -> None:
    """Who left the town signs in no more, though nobody disabled their account here."""
    browser, key = town.browser(), Authenticator()
    await town.sign_in(browser)
    asked = await browser.post("/account/options")
    made = key.made(raw(asked.json()["challenge"]))
    assert (await browser.post("/account/passkeys", credential=made)).status_code == 200
    town.idp.groups = []
    assert (await town.sign_in(town.browser())).status_code == 403
    elsewhere = town.browser()
    assert (await Browser.sign_in(elsewhere, key)).status_code == 403
    assert await browser.roles() == ["citizen"], "the session of before"
