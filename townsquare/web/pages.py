"""Templates, and errors as people and programs read them."""

import json
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from townsquare import __version__
from townsquare.context.http import problem
from townsquare.model import customs
from townsquare.model.errors import CannotStart, NotApproved, TownsquareError
from townsquare.model.texts import found, found_of, later, reading
from townsquare.model.town import Town
from townsquare.web.basemap import Ground
from townsquare.web.languages import languages

SELDOM = ("fflate", "pmtiles")  # libraries that are loaded where a town has use for them
WEB = Path(str(resources.files("townsquare.web")))


@dataclass(frozen=True)
class Pages:
    """Renders the templates of this town."""

    town: Town
    demo: bool
    ground: Ground | None = None

    @cached_property
    def import_map(self) -> str:
        """Raises CannotStart where the front end's libraries are not there."""
        file = WEB / "modules" / "importmap.json"
        if not file.is_file():
            raise CannotStart(
                "the front end's libraries are missing; run: python tools/fetch_modules.py"
            )
        return file.read_text()

    def scripts(self, folder: str) -> list[str]:
        """Addresses of what a page of this folder runs from the start, its own first."""
        own = sorted((WEB / "static" / folder).glob("*.js"))
        imports = json.loads(self.import_map)["imports"]
        taken = [file for name, file in imports.items() if name not in SELDOM]
        return [f"/static/{folder}/{file.name}" for file in own] + ["/static/text.js", *taken]

    @cached_property
    def _environment(self) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(WEB / "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals |= {
            "town": self.town,
            "demo": self.demo,
            "version": __version__,
            "import_map": self.import_map,
            "ground": self.ground.described() if self.ground else None,
            "_": _text,
            "n_": _text_of,
            "reading": reading.get,
            "languages": languages().values(),
        }
        environment.filters |= {
            "said": found,  # of what only runs know, and has no places
            "number": customs.number,
            "percent": customs.share,
            "day": customs.day,
            "moment": customs.moment,
            "near": customs.near,
            "hour": customs.hour,
        }
        return environment

    def page(self, name: str, code: int = 200, **context: object) -> HTMLResponse:
        """In the language of who visits."""
        told = self._environment.get_template(name).render(context)
        headers = {"content-language": reading.get().tag, "vary": "Accept-Language, Cookie"}
        return HTMLResponse(told, code, headers)

    async def error(self, request: Request, error: Exception) -> Response:
        """An error as a page where a page was asked for, as problem JSON elsewhere."""
        status, title, detail, headers = _told(error)
        if "text/html" in request.headers.get("accept", ""):
            page = self.page("error.html", status, title=title, detail=detail, status=status)
            page.headers.update(headers)
            return page
        body = {"type": "about:blank", "title": title, "detail": detail, "status": status}
        if isinstance(error, TownsquareError):
            body = {**error.members, **body}
        if isinstance(error, NotApproved):
            body["cure"] = "approval"
        return JSONResponse(body, status, headers)


def _text(english: str, **values: object) -> Markup:
    """What stands in a place is escaped, unless it is markup already."""
    return escape(found(english)).format(**values)


def _text_of(n: int, one: str, other: str, **values: object) -> Markup:
    return escape(found_of(n, one, other)).format(n=n, **values)


def _told(error: Exception) -> tuple[int, str, str, dict[str, str]]:
    if isinstance(error, TownsquareError):
        answer = problem(error)
        return answer.status, answer.json["title"], str(error), dict(answer.headers)
    if isinstance(error, HTTPException):
        title = later("There is no such page") if error.status_code == 404 else error.detail
        return (
            error.status_code,
            title,
            later("Go back to the start page."),
            dict(error.headers or {}),
        )
    raise error
