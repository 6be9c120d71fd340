"""The town's seal under manifests of exported footage (C2PA): a key, and the certificates for it.

Who verifies a manifest learns that this town's server signed it for an opening, and that the file
was not changed since; the town's own authority stands behind it and nobody else, so it says nothing
to whom the town is a stranger.

Always holds: the key of the authority is thrown away once it has signed the one certificate.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from townsquare.model.errors import CannotStart
from townsquare.trust import secret

CURVE, NUMBER_BYTES = ec.SECP256R1(), 32
LASTS = timedelta(days=3650)
END = "-----END PRIVATE KEY-----\n"


@dataclass(frozen=True, slots=True)
class Signet:
    """`chain` is PEM, the town's certificate first."""

    key: ec.EllipticCurvePrivateKey
    chain: str

    def sign(self, told: bytes) -> bytes:
        """ES256 as COSE has it (RFC 9053, 2.1): both numbers, 32 bytes each."""
        r, s = decode_dss_signature(self.key.sign(told, ec.ECDSA(SHA256())))
        return r.to_bytes(NUMBER_BYTES, "big") + s.to_bytes(NUMBER_BYTES, "big")


def opened(file: Path, town: str) -> Signet:
    """Made when it is first asked for. Raises CannotStart."""
    text = secret.kept(file, lambda: _made(town)) + "\n"
    private, end, chain = text.partition(END)
    try:
        key = load_pem_private_key((private + end).encode(), None)
    except ValueError as error:
        raise CannotStart(f"{file} holds no key; delete it, and a new one is made") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CannotStart(f"{file} holds another kind of key; delete it, and a new one is made")
    return Signet(key, chain)


def _made(town: str) -> str:
    authority, key = ec.generate_private_key(CURVE), ec.generate_private_key(CURVE)
    by, of = _named(f"{town} authority"), _named(f"{town} footage")
    beside = authority.public_key()
    root = (
        _certificate(by, by, beside)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority, SHA256())
    )
    leaf = (
        _certificate(of, by, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        # One that C2PA knows for claims, beside its own (C2PA 2.1, 14.5.1.1).
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(beside), critical=False)
        .sign(authority, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return b"".join((private, *(c.public_bytes(Encoding.PEM) for c in (leaf, root)))).decode()


def _named(town: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, town[:64])])


def _certificate(
    of: x509.Name, by: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(of)
        .issuer_name(by)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
