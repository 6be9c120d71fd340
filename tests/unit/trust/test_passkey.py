"""A passkey signs for one origin, one challenge, once; everything else is refused in words."""

import copy
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.authenticator import BOTH, PRESENT, VERIFIED, Authenticator, raw, text
from townsquare.model.errors import Denied
from townsquare.trust.identity import CounterWentBack, Passkey, registered, verify

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
ORIGIN, RP = "http://localhost:8400", "localhost"
CHALLENGE = bytes(range(32))
Answer = dict[str, Any]


def of(one: Authenticator) -> Passkey:
    return registered(one.made(CHALLENGE), CHALLENGE, ORIGIN, RP, NOON)


def checked(passkey: Passkey, answer: Answer, challenge: bytes = CHALLENGE) -> int:
    return verify(passkey, answer, challenge, ORIGIN, RP)


def test_a_passkey_is_registered_and_signs_a_digest() -> None:
    one = Authenticator()
    passkey = of(one)
    assert (passkey.id, passkey.key, passkey.counter) == (one.id, one.public(), 0)
    digest = secrets.token_bytes(32)
    assert checked(passkey, one.signed(digest), digest) == 1


ELSEWHERE: list[Answer] = [
    {"origin": "https://evil.example"},
    {"origin": "http://localhost:8401"},
    {"origin": "http://127.0.0.1:8400"},
    {"rp_id": "evil.example"},
    {"flags": PRESENT},
    {"flags": VERIFIED},
    {"framed": True},
]


@pytest.mark.parametrize("different", ELSEWHERE)
def test_neither_another_page_nor_somebody_unverified(different: Answer) -> None:
    one = Authenticator()
    passkey = of(one)
    with pytest.raises(Denied):
        of(one.but(**different))
    with pytest.raises(Denied):
        checked(passkey, one.but(**different).signed(CHALLENGE))
    assert checked(passkey, one.but(flags=BOTH).signed(CHALLENGE)) == 1


def test_a_signature_of_something_else_is_none() -> None:
    one, another = Authenticator(), Authenticator()
    with pytest.raises(Denied, match="what it was asked to"):
        checked(of(one), one.signed(CHALLENGE), bytes(32))
    with pytest.raises(Denied, match="what it was asked to"):
        checked(of(one), another.but(id=one.id).signed(CHALLENGE))
    with pytest.raises(Denied):
        checked(of(one), one.but(id=another.id).signed(CHALLENGE))
    with pytest.raises(Denied):
        checked(of(one), one.made(CHALLENGE))
    with pytest.raises(Denied):
        registered(one.signed(CHALLENGE), CHALLENGE, ORIGIN, RP, NOON)


@pytest.mark.parametrize(("kept", "said", "fine"), [(5, 6, True), (5, 5, False), (5, 0, False)])
def test_a_counter_goes_forward_only(kept: int, said: int, fine: bool) -> None:
    one = Authenticator(counter=kept)
    passkey = of(one)
    again = one.but(counter=said, counts=0).signed(CHALLENGE)
    if fine:
        assert checked(passkey, again) == said
    else:
        with pytest.raises(CounterWentBack):
            checked(passkey, again)


def test_passkeys_that_are_synchronised_do_not_count() -> None:
    one = Authenticator(counts=0)
    passkey = of(one)
    assert [checked(passkey, one.signed(CHALLENGE)) for _ in range(2)] == [0, 0]


def test_what_an_authenticator_attests_is_not_looked_at() -> None:
    one = Authenticator()
    made = one.made(CHALLENGE)
    body = cbor2.loads(raw(made["response"]["attestationObject"]))
    body |= {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"nonsense", "x5c": [b"nonsense"]}}
    made["response"]["attestationObject"] = text(cbor2.dumps(body))
    assert registered(made, CHALLENGE, ORIGIN, RP, NOON).id == one.id


@pytest.mark.parametrize("algorithm", [-65535, -36, 0, "ES256", None])
def test_other_algorithms_are_refused(algorithm: object) -> None:
    one = Authenticator()
    key = {**cbor2.loads(one.public()), 3: algorithm}
    one.public = lambda: cbor2.dumps(key)  # type: ignore[method-assign]  # what it claims to be
    with pytest.raises(Denied):
        of(one)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.binary().map(text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
PARTS = ("id", "rawId", "type", "response", "clientDataJSON", "attestationObject", "signature")


@given(part=st.sampled_from((*PARTS, "authenticatorData")), value=JSON)
def test_bad_input_is_refused_and_breaks_nothing(part: str, value: object) -> None:
    one = Authenticator()
    passkey = of(one)

    def bent(answer: Answer) -> Answer:
        changed = copy.deepcopy(answer)
        target = changed["response"] if part in changed["response"] else changed
        target[part] = value
        return changed

    attempts: list[Callable[[], object]] = [
        lambda: registered(bent(one.made(CHALLENGE)), CHALLENGE, ORIGIN, RP, NOON),
        lambda: checked(passkey, bent(one.signed(CHALLENGE))),
    ]
    for attempt in attempts:
        try:
            attempt()
        except Denied:
            continue


@given(at=st.integers(0, 400), bits=st.integers(1, 255))
def test_no_byte_of_an_answer_can_be_another(at: int, bits: int) -> None:
    one = Authenticator()
    passkey = of(one)
    answer = one.signed(CHALLENGE)
    for name, part in answer["response"].items():
        bent = bytearray(raw(part))
        bent[at % len(bent)] ^= bits
        changed = {**answer, "response": {**answer["response"], name: text(bytes(bent))}}
        with pytest.raises(Denied):
            checked(passkey, changed)
    assert checked(passkey, answer) == 1


@pytest.mark.parametrize("deep", ["[" * 60_000, '{"a":' * 10_000])
def test_deep_nesting_is_refused(deep: str) -> None:
    one = Authenticator()
    answer = one.signed(CHALLENGE)
    answer["response"]["clientDataJSON"] = text(deep.encode())
    with pytest.raises(Denied):
        checked(of(one), answer)
