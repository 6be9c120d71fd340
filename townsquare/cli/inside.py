"""Speaking to the running town through its control socket, as the owner of this machine."""

from pathlib import Path
from typing import Any

import httpx

from townsquare.model.errors import CannotStart, Invalid
from townsquare.trust import secret

TIMEOUT_S = 20.0


def ask(data: Path, method: str, path: str, body: object = None) -> Any:
    """The answer as JSON, None where it is empty; `body` is sent as JSON, bytes as they are.

    Raises CannotStart where no town runs, Invalid with what it said.
    """
    folder = data.absolute()
    if not (folder / "control.sock").is_socket():
        raise CannotStart(f"no town runs on {data}; start townsquare run, or name its --data")
    token = secret.token(folder / "secrets" / "control-token")
    transport = httpx.HTTPTransport(uds=str(folder / "control.sock"))
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(transport=transport, timeout=TIMEOUT_S, headers=headers) as town:
        try:
            given = {"content": body} if isinstance(body, bytes) else {"json": body}
            answer = town.request(method, f"http://localhost{path}", **given)
        except httpx.TransportError as error:
            raise CannotStart(f"the town on {data} does not answer: {error}") from error
    found: Any = answer.json() if answer.content else None
    if answer.is_error and "wrong" not in found:
        raise Invalid(found.get("detail") or found.get("title") or f"status {answer.status_code}")
    return found
