"""The pages for people who came in, and which of them lead on for whom.

Always holds: what stands here opens for who is shown it; nobody is sent to a refusal.
"""

from dataclasses import dataclass

from townsquare.context.broker import Broker
from townsquare.model.actor import Actor
from townsquare.model.texts import later
from townsquare.trust.policy import Act
from townsquare.web.auth import usual

MAY_ENTER = ("operator", "engineer", "data-protection", "security", "break-glass", "open")


@dataclass(frozen=True, slots=True)
class Way:
    path: str
    title: str


# What is read, or changed by which room's command, to be let in.
PAGES: tuple[tuple[Way, str, str, Act], ...] = (
    (Way("/control/incidents", later("Incidents")), "", "Incident", "read"),
    (Way("/control/handover", later("Hand-over")), "", "Handover", "read"),
    (Way("/control/notify", later("Calling people")), "", "Notification", "read"),
    (Way("/control/warnings", later("Warnings")), "", "Warning", "read"),
    (Way("/control/rules", later("Rules")), "", "AlarmRule", "read"),
    (Way("/control/load", later("Alarm load")), "", "Alert", "temporal"),
    (Way("/control/dashboards", later("Dashboards")), "", "CrowdFlowObserved", "temporal"),
    (Way("/control/wall", later("Video wall")), "", "Alert", "read"),
    (Way("/control/custody", later("Sealed footage")), "recording", "FootageOpening", "read"),
    (Way("/control/devices", later("Devices")), "", "DeviceRegistration", "read"),
    (Way("/doctor", later("System health")), "", "CameraHealth", "read"),
    (Way("/who-looked", later("Who looked")), "", "LogEntry", "read"),
    (Way("/approvals", later("Approvals")), "approvals", "Approval", "write"),
    (Way("/accounts", later("Accounts")), "accounts", "Person", "write"),
)


def ways(broker: Broker, actor: Actor, *, accounts: bool) -> list[Way]:
    """From the control room. `accounts`: whether people have an account here."""
    if actor.kind != "person":
        return []
    opened = [
        way
        for way, room, type, act in PAGES
        if (accounts or room != "accounts") and _may(broker, actor.through(room), type, act)
    ]
    return [*opened, Way("/account", later("Your account"))] if accounts else opened


def around(broker: Broker, actor: Actor, *, accounts: bool) -> list[Way]:
    """From any other of these pages."""
    room = [] if actor.roles.isdisjoint(MAY_ENTER) else [Way("/control", later("Control room"))]
    return [*room, *ways(broker, actor, accounts=accounts)]


def _may(broker: Broker, actor: Actor, type: str, act: Act) -> bool:
    return broker.grant(actor, usual(actor), act, type).allowed
