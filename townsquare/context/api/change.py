"""What the doors that change entities have in common."""

from townsquare.context.broker import Broker
from townsquare.context.commit import Outcome
from townsquare.context.form.read import read_types
from townsquare.context.http import Request
from townsquare.context.jsonld import Terms
from townsquare.model.change import Change


async def applied(broker: Broker, request: Request, change: Change) -> Outcome:
    done = await broker.apply(
        [change],
        request.actor,
        request.why,
        request.headers.get("idempotency-key"),
        tenant=request.tenant,
    )
    return done.outcomes[0]


def types(request: Request, terms: Terms) -> tuple[frozenset[str], ...]:
    """The types that the entity must have, as alternatives (clause 4.17)."""
    text = request.parameters.get("type")
    return () if text is None else read_types(text, terms)
