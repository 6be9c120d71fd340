"""The web of the house: mounts each room's routes behind one guard and one way to be known."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from townsquare.context.api.app import Api
from townsquare.context.http import BESIDE
from townsquare.model.errors import Invalid, TownsquareError
from townsquare.web import languages
from townsquare.web.auth import Door, Visits
from townsquare.web.closed import Closed
from townsquare.web.files import Files
from townsquare.web.guard import Guard, content_security_policy, origins
from townsquare.web.pages import WEB, Pages

FOLDERS = ("static", "modules")  # of files that pages are made of


@dataclass(frozen=True, slots=True)
class Settings:
    """[web] in townsquare.toml. Without `public_url` only this machine is served."""

    port: int = 8400
    public_url: str = ""  # https://… under which the town's proxy serves this
    certificate: str = ""  # of that proxy, as a file, so that its end is known

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise Invalid(f"port {self.port} is not between 1 and 65535")
        url = urlsplit(self.public_url)
        if self.public_url and f"https://{url.netloc.lower()}" != self.public_url.rstrip("/"):
            raise Invalid(f"public_url {self.public_url!r} must be like https://square.example.org")
        if self.public_url and (not url.hostname or "@" in url.netloc):
            raise Invalid(f"public_url {self.public_url!r} must name a host, without a login")


def house(pages: Pages, api: Api, routes: Sequence[BaseRoute]) -> ASGIApp:
    """Everything that is served, to visitors that are known already."""
    errors = dict.fromkeys((TownsquareError, HTTPException), pages.error)
    static = [Mount(f"/{name}", Files(WEB / name)) for name in FOLDERS]
    site = Starlette(routes=[*routes, *languages.routes(), *static], exception_handlers=errors)
    return _Fork(api, Closed(site, api.broker, pages))


def public(inside: ASGIApp, settings: Settings, pages: Pages, door: Door) -> ASGIApp:
    """The house as it is served on the port."""
    known = languages.Speaking(Visits(inside, door))
    own = origins(settings.port, settings.public_url)
    return Guard(known, own, content_security_policy(pages.import_map))


def local(inside: ASGIApp, door: Door) -> ASGIApp:
    """The house for commands on this machine, through a socket that only its owner can open.

    A token is asked for as well: a vision worker has the same owner, and cannot read secrets.
    """
    return Visits(inside, door)


class _Fork:
    """NGSI-LD goes straight to its dispatcher; pages go through Starlette."""

    def __init__(self, api: Api, site: ASGIApp) -> None:
        self.api = api
        self.site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ngsi_ld = scope["type"] == "http" and scope["path"].startswith(BESIDE)
        await (self.api if ngsi_ld else self.site)(scope, receive, send)
