"""Passkeys (W3C Web Authentication, Level 3): what an authenticator made and what it signed.

Always holds: the person was present and verified by the authenticator, on a page of this very
origin, for this very challenge. What an authenticator attests of its make is not looked at: it
is no proof, and says more about a person than is needed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from msgspec import Struct
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    encode_cbor,
    parse_cbor,
    parse_client_data_json,
)
from webauthn.helpers.exceptions import WebAuthnException

from townsquare.model.entity import Json
from townsquare.model.errors import Denied

# The library checks what it is given, and fails in all these ways where that is not enough.
UNFIT = (
    WebAuthnException,
    UnsupportedAlgorithm,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
NO_ATTESTATION = {"fmt": "none", "attStmt": {}}


class Passkey(Struct, frozen=True):
    """`key` is public, in COSE; `counter` counts signatures, where the authenticator does."""

    id: bytes
    key: bytes
    counter: int
    added_at: datetime


class CounterWentBack(Denied):
    """There are two of this authenticator: one of them is a copy."""


def registered(
    credential: Json, challenge: bytes, origin: str, rp_id: str, at: datetime
) -> Passkey:
    """The passkey that was just made. Raises Denied."""
    with _refused("this passkey cannot be registered"):
        _of_this_page(credential)
        made = verify_registration_response(
            credential=_without_attestation(credential),
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
        )
    return Passkey(made.credential_id, made.credential_public_key, made.sign_count, at)


def verify(passkey: Passkey, assertion: Json, challenge: bytes, origin: str, rp_id: str) -> int:
    """The counter after this signature of `challenge`, which may be the digest of anything.

    Keep it with the passkey. Raises Denied; CounterWentBack is one that the log should know of.
    """
    with _refused("this passkey did not sign what it was asked to"):
        _of_this_page(assertion)
        done = verify_authentication_response(
            credential=assertion,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            credential_public_key=passkey.key,
            credential_current_sign_count=0,  # compared below, to be told apart
            require_user_verification=True,
        )
    if done.credential_id != passkey.id:
        raise Denied("this is the signature of another passkey")
    if (done.new_sign_count or passkey.counter) and done.new_sign_count <= passkey.counter:
        raise CounterWentBack("this passkey's counter went back; it may have been copied")
    return done.new_sign_count


def credential_id(credential: Json) -> bytes:
    """Of what a browser sent; nothing is proven by it. Raises Denied."""
    with _refused("this is no passkey"):
        return base64url_to_bytes(credential["id"])


def signed_challenge(credential: Json) -> bytes:
    """The challenge that a browser says was signed; nothing is proven by it. Raises Denied."""
    with _refused("this is no passkey"):
        return parse_client_data_json(_client_data(credential)).challenge


def _client_data(credential: Json) -> bytes:
    return base64url_to_bytes(credential["response"]["clientDataJSON"])


def _of_this_page(credential: Json) -> None:
    """A page in a frame of another site is not ours (Level 3, 7.2 step 14)."""
    if parse_client_data_json(_client_data(credential)).cross_origin:
        raise Denied("passkeys are asked for on this site's own pages only")


def _without_attestation(credential: Json) -> dict[str, Json]:
    """As browsers send it where none was asked for (Level 3, 5.1.3), whatever came."""
    response = credential["response"]
    made = parse_cbor(base64url_to_bytes(response["attestationObject"]))
    bare = bytes_to_base64url(encode_cbor({**NO_ATTESTATION, "authData": made["authData"]}))
    return {**credential, "response": {**response, "attestationObject": bare}}


@contextmanager
def _refused(what: str) -> Iterator[None]:
    try:
        yield
    except UNFIT as error:
        raise Denied(what) from error
