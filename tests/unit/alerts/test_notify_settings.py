"""[notify] in townsquare.toml: what is broken is refused with its place and with what is right."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townsquare import app
from townsquare.alerts.notify.escalation import Call
from townsquare.alerts.notify.settings import Settings
from townsquare.model.errors import Invalid
from townsquare.model.settings import parse

GOOD = """
[outgoing]
hosts = ["hooks.example", "mail.example"]

[notify.mail]
host = "mail.example"
sender = "town@mail.example"

[[notify.contact]]
name = "ana"
[[notify.contact.channel]]
kind = "email"
address = "secret:ana-mail"

[[notify.contact]]
name = "ben"
[[notify.contact.channel]]
kind = "webhook"
address = "https://hooks.example/ben"

[[notify.rota]]
name = "desk"
people = ["ana", "ben"]
begins = 2030-01-01
[[notify.rota.override]]
person = "ben"
since = 2030-06-01T08:00:00+02:00
until = 2030-06-02T08:00:00+02:00

[[notify.chain]]
severities = ["critical"]
call = [["desk"], ["desk+1"], ["desk"], ["desk+1"], ["desk"]]

[[notify.quiet]]
severities = ["low"]
since = "22:00"
until = "06:00"
"""


def read(text: str) -> app.Settings:
    return parse(text, "townsquare.toml", app.Settings)


def test_what_is_right_is_taken() -> None:
    notify = read(GOOD).notify
    rota = notify.turns(ZoneInfo("Europe/Berlin"))
    assert rota.on_call("desk", datetime(2030, 6, 1, 12, tzinfo=UTC)) == "ben"
    chains = notify.escalation(ZoneInfo("UTC")).chains
    assert [step.after_s for step in chains["critical"].steps] == [0, 60, 120, 300, 600]


@pytest.mark.parametrize(
    ("instead", "by", "says"),
    [
        (
            '"secret:ana-mail"',
            '"ana@town.example"',
            "line 11: address of email is not written here",
        ),
        ('"secret:ana-mail"', '"secret:Ana Mail"', "not written here"),
        ('"https://hooks.example/ben"', '"http://hooks.example/ben"', "line 17: address at hooks"),
        ('"https://hooks.example/ben"', '"https://a:b@hooks.example/"', "without a login"),
        ('"https://hooks.example/ben"', '"https://[::1"', "line 17"),
        ('"https://hooks.example/ben"', '"https://hooks.example/\\n"', "line 17"),
        ('"https://hooks.example/ben"', '""', "line 17"),
        ('hosts = ["hooks.example", ', "hosts = [", "'hooks.example', which is not declared"),
        (', "mail.example"]', "]", "'mail.example', which is not declared"),
        ('kind = "webhook"', 'kind = "webhok"', 'did you mean "webhook"'),
        ('kind = "webhook"', 'kind = "webhook"\nkey = "word"', 'key takes "secret:NAME"'),
        ('name = "ben"', 'name = "Ben B"', "use a-z, 0-9 and -"),
        ('name = "ben"', 'name = "ana"', "two of [[notify.contact]] have the name 'ana'"),
        ('people = ["ana", "ben"]', 'people = ["ana", "eve"]', "'eve', who is no contact"),
        ('people = ["ana", "ben"]', "people = []", "line 21: rotation 'desk' has nobody in it"),
        ("begins = 2030-01-01", "begins = 0001-01-01", "is not between 1970 and"),
        ("begins = 2030-01-01", 'begins = "2030"', "a date such as 2027-01-31"),
        ("begins = 2030-01-01", "begins = 2030-01-01\ndays = 0", "give 1 to 366"),
        ("begins = 2030-01-01", 'begins = 2030-01-01\nhandover = "8"', 'such as "08:00"'),
        ("since = 2030-06-01T08:00:00+02:00", "since = 2030-06-01T08:00:00", "needs a zone"),
        ("until = 2030-06-02", "until = 2030-05-02", "ends before it begins"),
        ("until = 2030-06-02", "until = 9999-06-02", "is not between 1970 and"),
        ('["desk+1"], ["desk"], ["desk+1"]', '["night"], ["desk"], ["desk"]', "'night', which is"),
        ('call = [["desk"], ', "call = [", "names whom to call in 4"),
        ('call = [["desk"], ', "call = [[], ", "each step calls a rota"),
        ('severities = ["critical"]', 'severities = ["critical"]\nafter_s = [5, 1]', "in 5"),
        ('severities = ["critical"]', "severities = []", "a chain names the severities"),
        ('severities = ["low"]', 'severities = ["critical"]', "critical alarms have no quiet"),
        ('until = "06:00"', 'until = "22:00"', "give two different times"),
        ('until = "06:00"', 'until = "25:00"', 'such as "08:00"'),
        ('sender = "town@mail.example"', 'sender = "town"', "must be like townsquare@"),
        ('host = "mail.example"', 'host = "mail.example:465"', "must be a name such as"),
        ("[notify.mail]", "[notify.mial]", 'unknown key "mial" in [notify]'),
    ],
)
def test_what_is_wrong_is_refused_with_its_place_and_what_is_right(
    instead: str, by: str, says: str
) -> None:
    assert instead in GOOD
    with pytest.raises(Invalid) as refused:
        read(GOOD.replace(instead, by, 1))
    assert str(refused.value).startswith("townsquare.toml")
    assert says in str(refused.value)


def test_mail_wants_a_server() -> None:
    start, end = GOOD.index("[notify.mail]"), GOOD.index("[[notify.contact]]")
    with pytest.raises(Invalid, match=r"'ana' has e-mail, and there is no \[notify.mail\]"):
        read(GOOD[:start] + GOOD[end:])


def test_a_chain_calls_the_next_rota_and_then_who_follows_in_the_last() -> None:
    people = "".join(
        f'[[notify.contact]]\nname = "{name}"\n[[notify.contact.channel]]\nkind = "matrix"\n'
        'address = "secret:room"\n'
        for name in ("ana", "ben", "cleo")
    )
    rota = '[[notify.rota]]\nname = "{}"\npeople = {}\nbegins = 2030-01-01\n'
    both = rota.format("desk", '["ana", "ben"]') + rota.format("lead", '["cleo", "ben"]')
    chain = read(people + both).notify.escalation(ZoneInfo("UTC")).chains["high"]
    calls = [step.rotations for step in chain.steps]
    assert calls == [("desk",), ("lead",), ("lead+1",), ("lead",), ("lead+1",)]


VALUES: Mapping[str, st.SearchStrategy[str]] = {
    "text": st.text(max_size=30).map(
        lambda text: '"' + text.encode("unicode_escape").decode() + '"'
    ),
    "number": st.one_of(st.integers(), st.floats()).map(str),
    "list": st.sampled_from(("[]", "[0, nan]", "[nan, 1, 2, 3, 4]", "[inf]", '["desk"]')),
    "table": st.just("{}"),
    "date": st.sampled_from(
        (
            "2030-01-01",
            "0001-01-01",
            "9999-12-31",
            "07:32:00",
            "9999-12-31T23:59:59Z",
            "0001-01-01T00:00:00+14:00",
        )
    ),
    "secret": st.sampled_from(('"secret:"', '"secret:x"', '"secret:../x"', '"https://"', '"//"')),
}
LINES = [n for n, line in enumerate(GOOD.splitlines()) if "=" in line]


@given(line=st.sampled_from(LINES), value=st.one_of(*VALUES.values()))
def test_whatever_stands_there_it_is_taken_or_refused_in_a_sentence(line: int, value: str) -> None:
    lines = GOOD.splitlines()
    lines[line] = f"{lines[line].partition('=')[0]}= {value}"
    with suppress(Refused):
        used(taken("\n".join(lines)))


class Refused(Exception):
    pass


def taken(text: str) -> Settings:
    try:
        return read(text).notify
    except Invalid as error:
        if not str(error).startswith("townsquare.toml"):
            raise
        raise Refused from error


def used(notify: Settings) -> None:
    berlin, now = ZoneInfo("Europe/Berlin"), datetime(2030, 6, 1, tzinfo=UTC)
    for rota in notify.rota:
        notify.turns(berlin).on_call(rota.name, now)
        notify.turns(berlin).next(rota.name, now)
    for severity in ("critical", "low"):
        notify.escalation(berlin).plan(Call("urn:a", severity, now), (), now)
