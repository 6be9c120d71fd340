"""Where passkeys are made and used: they hold for one name, and for pages of one origin."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Site:
    """`rp_id` is the name that a passkey is bound to; an address would not do, so on this machine
    it is localhost and not 127.0.0.1.
    """

    origin: str
    rp_id: str
    title: str

    def link(self, path: str) -> str:
        return f"{self.origin}{path}"


def site(public_url: str, port: int, title: str) -> Site:
    origin = public_url.rstrip("/").lower() or f"http://localhost:{port}"
    return Site(origin, urlsplit(origin).hostname or "localhost", title)
