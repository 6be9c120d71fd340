"""Which brokers a request has passed through, so that it comes back to none (clause 4.3.6.4)."""

from townsquare.context.http import Request


def hops(request: Request) -> tuple[str, ...]:
    """Who passed the request on before it came here (RFC 9110, 7.6.3)."""
    parts = [part.split() for part in request.headers.get("via", "").split(",")]
    return tuple(part[1] for part in parts if len(part) > 1)


def chain(hops: tuple[str, ...]) -> str:
    """The header `Via` that says so."""
    return ", ".join(f"1.1 {hop}" for hop in hops)
