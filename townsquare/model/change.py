"""What is asked of the broker, and the news that it was done."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from townsquare.model.entity import Attribute, Entity, Kind

Operation = Literal[
    "create",
    "merge",
    "append",
    "update",
    "replace",
    "delete",
    "patch",
    "put",
    "remove",
    "drop",
    "keep",
    "record",
    "rewrite",
]


class Fragment(Attribute, frozen=True):
    """What a patch says of one instance of an attribute (clauses 5.5.8 and 5.5.12).

    A `value` that is UNSET stays as it is, and so does every member that is not given; members
    in `removed` go. Where the client did not say the kind, `kinds` are those that it may mean,
    and the one that the instance has already is right if it is among them.
    """

    removed: frozenset[str] = frozenset()  # unitCode, observedAt and the like
    kinds: frozenset[Kind] = frozenset()


class Defaults(Struct, frozen=True):
    """What one merge says for all its attributes (clause 5.6.17)."""

    observed_at: datetime | None = None  # for instances that have such a time already
    lang: str | None = None  # the key of a language map that a plain string is meant for


class Change(Struct, frozen=True):
    """One change of one entity; a list of them is committed together.

    create   the entity must not exist                                       (clause 5.6.1)
    merge    attributes are merged deeply, null removes                      (clause 5.6.17)
    append   attributes are added, or overwritten where `overwrite`          (clause 5.6.3)
    update   attributes are overwritten or added, null removes               (clause 5.6.2)
    replace  the whole entity; creates nothing                               (clause 5.6.18)
    delete   the entity; of `entity` only the id counts                      (clause 5.6.6)
    patch    members of the instances that are given, which must exist       (clause 5.6.4)
    put      the instances that are given, which must exist, as a whole      (clause 5.6.19)
    remove   the instances that are given, or with none given all of the attribute; they must
             exist; their values do not count                                (clause 5.6.5)
    drop     all instances of the attributes that are named, where they are  (clause 5.6.21)
    keep     all attributes but those that are named go                      (clause 5.6.21)
    record   instances in time are added to the past                 (clauses 5.6.11 and 5.6.12)
    rewrite  the past of one attribute, as `rewrite` says             (clauses 5.6.13 to 5.6.15)

    With `upsert`, merge, append, update, replace and record create an entity that is missing.
    `removed` are members of the entity itself that go: scope, expiresAt. `types` are alternatives
    of which the entity must have one whole; without any it may have every type. An attribute of
    a record may have several instances with the same datasetId.
    """

    operation: Operation
    entity: Entity
    if_version: int | None = None
    upsert: bool = False
    overwrite: bool = True
    removed: frozenset[str] = frozenset()
    types: tuple[frozenset[str], ...] = ()
    defaults: Defaults = Defaults()
    rewrite: "Rewrite | None" = None


class Rewrite(Struct, frozen=True):
    """What happens to the past of one attribute. What it is from now on stands in the entity of
    the change, computed from that past: such a change carries `if_version`.
    """

    attribute: str
    datasets: tuple[str | None, ...] | None  # whose instances it is about; None: of all
    instance_id: str | None = None  # only this one
    at: datetime | None = None  # its time: observedAt, else createdAt
    corrected: Attribute | None = None  # takes its place; without, it is erased


class Changed(Struct, frozen=True):
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
