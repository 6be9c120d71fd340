"""Where passkeys are made and used: they hold for one name, and for pages of one origin."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import URL
from starlette.responses import RedirectResponse, Response


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

    def own(self, asked: URL) -> Response | None:
        """The way to the same page where passkeys work, for a visitor who is elsewhere."""
        here = asked.netloc == urlsplit(self.origin).netloc
        return None if here else RedirectResponse(self.link(asked.path), 307)


def site(public_url: str, port: int, title: str) -> Site:
    origin = public_url.rstrip("/").lower() or f"http://localhost:{port}"
    return Site(origin, urlsplit(origin).hostname or "localhost", title)
