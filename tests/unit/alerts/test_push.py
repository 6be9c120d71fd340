"""Messages to browsers, against the example of RFC 8291 and as RFC 8292 says."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from townsquare.alerts.notify import push
from townsquare.alerts.notify.message import Message, Told
from townsquare.model.errors import Invalid

# RFC 8291, section 5 and appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
OURS = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
THEIRS = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH, SALT = "BTBZMqHH6r4Tts7J_aSIgg", "DGv6ra1nlYgDCS1FRnbzlw"
ENCRYPTED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6"
    "TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy"
    "4a-fN"
)
NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)
BROWSER = push.Subscription("https://push.example/a/b", push.octets(THEIRS), push.octets(AUTH))


def test_what_is_encrypted_is_the_example_of_the_standard() -> None:
    own = ec.derive_private_key(int.from_bytes(push.octets(OURS), "big"), push.CURVE)
    assert push.text(push.encrypted(PLAIN, BROWSER, own, push.octets(SALT))) == ENCRYPTED


def test_no_two_messages_are_encrypted_alike() -> None:
    made = [push.encrypted(PLAIN, BROWSER) for _ in range(3)]
    assert all(one != other for one, other in pairwise(made))


def test_a_message_is_signed_for_its_service_and_replaces_itself() -> None:
    key = push.fresh_key()
    alarm = Told("urn:a", "Pump is hot", "critical", response="Look" * 2000)
    message = Message(
        "urn:ngsi-ld:Notification:12ab", "Town", "https://town.example/control", NOW, (alarm,)
    )
    order = push.pushed(message, BROWSER, key, NOW)
    assert (order.method, order.url) == ("POST", BROWSER.endpoint)
    assert len(order.body) < push.RECORD
    headers = {n: order.headers[n] for n in ("topic", "urgency", "content-encoding")}
    assert headers == {"topic": "12ab", "urgency": "high", "content-encoding": "aes128gcm"}
    token, public = order.headers["authorization"].removeprefix("vapid t=").split(", k=")
    point = ec.EllipticCurvePublicKey.from_encoded_point(push.CURVE, push.octets(public))
    claims = jwt.decode(token, ECKey.import_key(point)).claims
    assert claims == {
        "aud": "https://push.example",
        "exp": int(NOW.timestamp()) + 12 * 3600,
        "sub": "https://town.example/control",
    }


@pytest.mark.parametrize("letter", ["a", "ж", "ა", "🚒", '"', "\x01"])
def test_no_script_makes_a_message_larger_than_a_push_service_takes(letter: str) -> None:
    alarm = Told("urn:a", letter * 4000, "critical", response=letter * 4000)
    message = Message(
        "urn:ngsi-ld:Notification:12ab", letter * 50, "https://t.example", NOW, (alarm,)
    )
    assert len(push.pushed(message, BROWSER, push.fresh_key(), NOW).body) <= push.RECORD


@pytest.mark.parametrize(
    ("endpoint", "p256dh", "auth", "says"),
    [
        ("http://push.example/", THEIRS, AUTH, "https://"),
        ("https://push.example/", THEIRS[:-4], AUTH, "P-256"),
        ("https://push.example/", "", AUTH, "P-256"),
        ("https://push.example/", THEIRS, "AAAA", "3 bytes"),
        ("https://push.example/", THEIRS, "A", "base64url"),
        ("https://push.example/", "ä", AUTH, "base64url"),
    ],
)
def test_what_is_no_browser_is_refused(endpoint: str, p256dh: str, auth: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        push.Subscription(endpoint, push.octets(p256dh), push.octets(auth))
