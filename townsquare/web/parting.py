"""What somebody sees who signed out: they are out here, and led out where they came in.

Always holds: the session has ended before this is answered, whatever becomes of the way out there.
"""

from urllib.parse import urlsplit

from starlette.responses import RedirectResponse, Response

from townsquare.web.pages import Pages
from townsquare.web.sessions import COOKIE, Session


def parted(pages: Pages, session: Session | None, to: str) -> Response:
    there = session.farewell if session else ""
    # A page and no redirect: a form of ours may lead nowhere else (form-action).
    response: Response = (
        pages.page("signed-out.html", there=there, host=urlsplit(there).hostname)
        if there
        else RedirectResponse(to, 303)
    )
    response.headers["cache-control"] = "no-store"
    response.delete_cookie(COOKIE)
    return response
