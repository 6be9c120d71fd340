"""Other brokers, and their registrations, for tests of what is shared with them."""

import asyncio
from typing import Any

import httpx
import msgspec

ID = "urn:x:Ferry:1"
FERRY = {"id": ID, "type": "Ferry", "berth": "A", "captain": "Ada"}


class Harbour:
    """Other brokers, each below its own path, as they are told to answer."""

    def __init__(self) -> None:
        # By path: status, (status, json), an answer, an error, or what makes one of the request.
        self.answers: dict[str, Any] = {}
        self.heard: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request)
        await asyncio.sleep(0)
        said = self.answers.get(f"{request.method} {request.url.path}", 204)
        if callable(said):
            said = said(request)
        if isinstance(said, httpx.Response):
            return said
        if isinstance(said, Exception):
            raise said
        status, json = said if isinstance(said, tuple) else (said, None)
        return httpx.Response(status, content=b"" if json is None else msgspec.json.encode(json))

    @property
    def asked(self) -> list[str]:
        return [f"{r.method} {r.url.raw_path.decode()}" for r in self.heard]

    @property
    def body(self) -> Any:
        return msgspec.json.decode(self.heard[-1].content)


async def registered(http: httpx.AsyncClient, name: str = "a", **changes: Any) -> str:
    body = {
        "id": f"urn:x:{name}",
        "type": "ContextSourceRegistration",
        "endpoint": f"https://{name}.example",
        "information": [{"entities": [{"type": "Ferry", "id": ID}]}],
        "operations": ["redirectionOps"],
        **changes,
    }
    answer = await http.post("/csourceRegistrations", json=body)
    assert answer.status_code == 201, answer.text
    return str(body["id"])


def of(*properties: str, **entity: str) -> list[dict[str, Any]]:
    """The `information` of a registration: these attributes of this ferry, or of these."""
    group = {"type": "Ferry", **entity} if entity else {"type": "Ferry", "id": ID}
    return [{"entities": [group], **({"propertyNames": list(properties)} if properties else {})}]
