"""Who somebody is: people, their passkeys, machines and their tokens. Decides; keeps nothing."""

from townsquare.trust.identity.passkey import (
    CounterWentBack,
    Passkey,
    credential_id,
    registered,
    signed_challenge,
    verify,
)

__all__ = [
    "CounterWentBack",
    "Passkey",
    "credential_id",
    "registered",
    "signed_challenge",
    "verify",
]
