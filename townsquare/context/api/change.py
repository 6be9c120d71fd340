"""What the doors that change entities have in common."""

from collections.abc import Callable

from townsquare.context.broker import Broker
from townsquare.context.commit import Outcome
from townsquare.context.form.read import read_types
from townsquare.context.http import Answer, Request
from townsquare.context.jsonld import Terms
from townsquare.context.sources.provision import Deed, SharedWriting
from townsquare.model.change import Change


class EntityWriter:
    """Changes as requests ask for them, here and where sources have a part in them."""

    def __init__(self, sharing: SharedWriting) -> None:
        self.sharing = sharing
        self.broker = sharing.broker

    async def write(
        self, deed: Deed, answered: Callable[[Outcome], Answer] = lambda _: Answer(204)
    ) -> Answer:
        """`answered` says what is told when all went well."""

        async def local(change: Change) -> Outcome:
            return await applied(self.broker, deed.request, change)

        return await self.sharing.provide(deed, local, answered)


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
