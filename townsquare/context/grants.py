"""What each actor may do, worked out once for each purpose; the policy lasts with the broker."""

from collections import OrderedDict

from townsquare.model.actor import Actor, Why
from townsquare.trust.policy import Act, Grant, Policy, decide

MOST = 1000  # pairs of actor and purpose; clients of a town and its rooms are fewer
MOST_EACH = 1000  # answers for one pair: types may be invented by clients


class Rights:
    """Of one actor for one purpose."""

    def __init__(self, policy: Policy, by: Actor, why: Why) -> None:
        self._policy, self._by, self._why = policy, by, why
        self._grants: dict[tuple[Act, str], Grant] = {}

    def grant(self, act: Act, type: str) -> Grant:
        found = self._grants.get((act, type))
        if found is None:
            found = decide(self._policy, self._by, self._why, act, type)
            if len(self._grants) >= MOST_EACH:
                self._grants = {}
            self._grants[act, type] = found
        return found


class Grants:
    """Of everybody, those of the latest askers."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._rights: OrderedDict[tuple[Actor, str], Rights] = OrderedDict()

    def of(self, by: Actor, why: Why) -> Rights:
        key = (by, why.purpose)
        found = self._rights.get(key)
        if found is None:
            found = self._rights[key] = Rights(self._policy, by, why)
            if len(self._rights) > MOST:
                self._rights.popitem(last=False)
        return found
