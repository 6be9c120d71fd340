"""The pages of a town that is closed, because of its policy, its log or its clock.

Always holds: what is not listed here is refused to everybody but rooms and emergency access. What
stays open says how the town stands, and lets people come in for emergency access.
"""

import re

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from townsquare.context.broker import Broker
from townsquare.model.errors import Denied
from townsquare.web.pages import Pages

MACHINE = ("healthz", "metrics", "doctor")  # how it stands
STATUS = ("policy", "figures", "open-data/access.csv", "models", "log")
PAPER = ("static", "modules")  # what these pages are made of
# Accounts answer for themselves; a link or a passkey leads no further than to emergency access.
COMING_IN = ("signin", "session", "emergency", "enrol", "commands/enrolment")
# By the owner of the machine; what changes something is an entry each.
REPAIR = ("commands/clock", "commands/doctor", "commands/recovery")
OPENED = (*MACHINE, *STATUS, *PAPER, *COMING_IN, *REPAIR)
OPEN = re.compile(rf"/({'|'.join(map(re.escape, OPENED))})(/.*)?")


class Closed:
    """ASGI middleware; needs `actor` and `why` in the scope's state."""

    def __init__(self, app: ASGIApp, broker: Broker, pages: Pages) -> None:
        self.app = app
        self.broker = broker
        self.pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not OPEN.fullmatch(scope["path"]):
            try:
                self.broker.require_open(scope["state"]["actor"], scope["state"]["why"])
            except Denied as denied:
                refusal = await self.pages.error(Request(scope), denied)
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)
