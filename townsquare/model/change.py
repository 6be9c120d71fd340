"""What is asked of the broker, and the news that it was done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from townsquare.model.entity import Entity

Operation = Literal["create", "merge", "append", "update", "replace", "delete"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one entity; a list of them is committed together.

    create   the entity must not exist                        (clause 5.6.1)
    merge    attributes are merged deeply, null removes       (clause 5.6.17)
    append   attributes are added or overwritten              (clause 5.6.3)
    update   only attributes that exist are overwritten       (clause 5.6.2)
    replace  the whole entity; creates nothing                (clause 5.6.18)
    delete   the entity; of `entity` only the id counts       (clause 5.6.6)

    With `upsert`, merge, append and replace create an entity that is missing.
    """

    operation: Operation
    entity: Entity
    if_version: int | None = None
    upsert: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """An entity was written. `before` is None the first time, `after` when it was deleted."""

    seq: int
    at: datetime
    by: str
    tenant: str
    before: Entity | None
    after: Entity | None
    attributes: frozenset[str]  # that were created, changed or removed

    @property
    def subject(self) -> Entity:
        """The entity as it is, or as it last was."""
        present = self.after or self.before
        assert present is not None  # noqa: S101 - one of the two is always there
        return present
