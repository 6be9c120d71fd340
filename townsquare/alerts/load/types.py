"""What the room says about the alarm load, and about the time in which nobody could hear alarms."""

from datetime import timedelta

from townsquare.alerts.who import READERS
from townsquare.model.declaration import EntityType, Words
from townsquare.model.entity import urn

ALARM_LOAD, WATCH = "AlarmLoad", "AlarmWatch"
LOAD_ID, WATCH_ID = urn(ALARM_LOAD, "control-room"), urn(WATCH, "control-room")

TYPES = (
    EntityType(
        ALARM_LOAD,
        owner="alerts",
        readers=READERS,
        history=False,
        title="Alarm load of this moment",
        words=Words("the alarm load", "position"),
    ),
    EntityType(
        WATCH,
        owner="alerts",
        readers=READERS,
        deletable=False,
        retention=timedelta(days=400),  # as of the alarms that it says could not be heard
        title="When alarms could not be heard",
        words=Words("the watch over alarms", "", attributes={"down": "when the house did not run"}),
    ),
)
