"""As whom this room acts and why, and who reads what it keeps of its work."""

from townsquare.model.actor import Why, room

ROOM, WHY = room("alerts"), Why("operations")
READERS = frozenset({"operator", "engineer", "data-protection", "security"})
