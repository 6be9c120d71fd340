"""The rule for boxes at the edge that comes with the product.

A box that sends `heartbeat` promises one a minute; whoever hangs on it says so in `dependsOn`.
"""

from townsquare.model.rule import Rule

BOX = "EdgeBox"
BOX_DEAD = Rule(
    "box-dead",
    "Box at the edge is silent",
    BOX,
    "heartbeat",
    no_data_for_s=300,
    severity="high",
    consequence="Nothing is heard of all that hangs on it.",
    response="Look whether it has power and line; send the crew.",
    scope="",
    silences=True,
)
RULES = (BOX_DEAD,)
