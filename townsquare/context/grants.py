"""What each actor may do, worked out once for each purpose while a policy is in force."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from townsquare.model.actor import Actor, Why
from townsquare.trust.policy import Act, Grant, Policy, decide

MOST = 1000  # pairs of actor and purpose; clients of a town and its rooms are fewer
MOST_EACH = 1000  # answers for one pair: types may be invented by clients


class Rights:
    """Of one actor for one purpose, while the time lets them be the same."""

    def __init__(self, policy: Policy, by: Actor, why: Why, at: datetime) -> None:
        self._policy, self._by, self._why, self._at = policy, by, why, at
        self._grants: dict[tuple[Act, str], Grant] = {}
        self.until = policy.lasts(by, at)

    def grant(self, act: Act, type: str) -> Grant:
        found = self._grants.get((act, type))
        if found is None:
            found = self._decided(act, type)
            if len(self._grants) >= MOST_EACH:
                self._grants = {}
            self._grants[act, type] = found
        return found

    def _decided(self, act: Act, type: str) -> Grant:
        """To the policy all types that no room declares are one; only a refusal names them."""
        if type and type not in self._policy.types:
            found = self.grant(act, "")
            if found.allowed:
                return found
        return decide(self._policy, self._by, self._why, act, type, self._at)

    def grants(self, act: Act, types: tuple[str, ...]) -> tuple[Grant, ...]:
        """Under which an entity of these types stands."""
        return tuple([self.grant(act, type) for type in types])


class Grants:
    """Of everybody, those of the latest askers."""

    def __init__(self, policy: Policy, clock: Callable[[], datetime]) -> None:
        self._policy = policy
        self._clock = clock
        self._rights: OrderedDict[tuple[Actor, Why], Rights] = OrderedDict()

    def of(self, by: Actor, why: Why) -> Rights:
        key = (by, self._policy.heard(by, why))
        found = self._rights.get(key)
        if found is None or (found.until and found.until <= self._clock()):
            found = self._rights[key] = Rights(self._policy, *key, self._clock())
            if len(self._rights) > MOST:
                self._rights.popitem(last=False)
        return found
