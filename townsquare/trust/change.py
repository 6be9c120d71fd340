"""What a change of the policy needs: nobody where it only takes access away, else two approvers.

Always holds: a change that could give anybody more needs approvers. What the rows of `access` show
is compared there; a statement that asks for more than they vary is taken to give more.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from townsquare.model.errors import Invalid
from townsquare.trust.access import Access, Row, access, wider
from townsquare.trust.cedar import Statement, members, nodes
from townsquare.trust.rules import Policy, policy
from townsquare.trust.texts import Texts
from townsquare.trust.wording import Said, difference, said

OTHERWISE = "such as the time, a file number, an organisation or two roles at once"
# What the rows of `access` vary. A statement that looks at anything else may do what they do not
# show.
VARIED = {
    "context": frozenset({"purpose"}),
    "principal": frozenset({"room"}),
}


class Change(Struct, frozen=True):
    """`wider` names each thing that would give more, to be compared; what is empty needs nobody.
    `gains` and `losses` say in plain words what somebody could do more and less.
    """

    wider: tuple[str, ...] = ()
    added: tuple[str, ...] = ()  # names of statements
    removed: tuple[str, ...] = ()
    gains: tuple[Said, ...] = ()
    losses: tuple[Said, ...] = ()

    @property
    def needs_approvers(self) -> bool:
        return bool(self.wider)


def change(old_texts: Texts, old_access: Access, new: Policy) -> Change:
    """From what is in force, with the access that it gave when it came into force."""
    try:
        old = policy([*new.types.values()], old_texts)
    except Invalid as error:
        why = f"the policy in force cannot be compared any more: {error}"
        return Change((why,), gains=(Said("", why),))
    before, after = _by_name(old), _by_name(new)
    gone = {name: s for name, s in before.items() if s not in after.values()}
    come = {name: s for name, s in after.items() if s not in before.values()}
    then, now = known(old, old_access), access(new)
    more, less = wider(now, then), _lost(now, then, new)
    told = (*_opening(come, gone), *_lists(old, new))
    return Change(
        (*map(_more, more), *told),
        tuple(come),
        tuple(gone),
        (*said(more, now, then, new, "may now"), *(Said("", text) for text in told)),
        (
            *said(less, then, now, new, "may no longer"),
            *(Said("", text) for text in _closing(come, gone)),
        ),
    )


def _lost(now: Access, then: Access, new: Policy) -> list[Row]:
    """Without what no entity can be, such as published and of this moment."""
    less = wider(then, now)
    return [r for r in less if r not in now or difference(then[r], now[r], new.types.get(r.type))]


def known(old: Policy, then: Access) -> Access:
    """What was given under the old policy, and what it gives of types that came since."""
    return {**access(old, {row.type for row in then}), **then}


def _more(row: Row) -> str:
    what = row.type or "what no room declares"
    return f"{row.role} may {row.act} more of {what} for {row.purpose}"


def _by_name(rules: Policy) -> Mapping[str, Statement]:
    return {statement.id: statement for statement in rules.rules.statements.values()}


def _opening(come: Mapping[str, Statement], gone: Mapping[str, Statement]) -> Iterator[str]:
    for name, one in come.items():
        if _allows_unseen(one):
            yield f"the new rule “{name}” allows by what cannot be compared, {OTHERWISE}"
    for name, one in gone.items():
        if _forbids_unseen(one):
            how = "forbids otherwise than before" if name in come else "does not forbid any more"
            yield f"the rule “{name}” {how}{_reason(one)}"


def _closing(come: Mapping[str, Statement], gone: Mapping[str, Statement]) -> Iterator[str]:
    for name, one in come.items():
        if _forbids_unseen(one) and name not in gone:
            yield f"the new rule “{name}” forbids{_reason(one)}"
    for name, one in gone.items():
        if _allows_unseen(one) and name not in come:
            yield f"the rule “{name}” does not allow any more by {OTHERWISE}"


def _allows_unseen(one: Statement) -> bool:
    return one.effect == "permit" and not _plain(one.json, roles_allowed=1)


def _forbids_unseen(one: Statement) -> bool:
    return one.effect == "forbid" and not _plain(one.json, roles_allowed=0)


def _reason(one: Statement) -> str:
    return f": {one.reason}" if one.reason else ""


def _plain(told: Any, roles_allowed: int) -> bool:
    """Whether the rows of `access` show all that it does.

    They have one role each: who holds two is seen in them as long as nothing asks for both, or
    forbids by role.
    """
    strange = (set(members(told, name)) - varied for name, varied in VARIED.items())
    asked = sum("in" in node and node["in"]["left"] == {"Var": "principal"} for node in nodes(told))
    asked += told["principal"]["op"] != "All"
    return not any(strange) and asked <= roles_allowed


def _lists(old: Policy, new: Policy) -> Iterator[str]:
    before = {p.name: p for p in old.purposes.purpose}
    for purpose in new.purposes.purpose:
        if before.get(purpose.name) != purpose:
            yield f"the purpose {purpose.name!r} is not as it was"
    words = {word for vague in new.purposes.vague for word in vague.words}
    for vague in old.purposes.vague:
        yield from (f"the word {w!r} is not refused any more" for w in set(vague.words) - words)
    for name, role in new.roles.items():
        if old.roles.get(name, role) != role:
            yield f"the role {name!r} is not as it was"
