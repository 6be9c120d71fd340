"""The life of alarms in STEPS steps of any kind: `make soak`."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.alarm_machine import Alarms

STEPS = int(os.environ.get("STEPS", "100000"))
WALK = settings(
    max_examples=500,
    stateful_step_count=100,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)


@pytest.mark.soak
def test_no_walk_loses_an_alarm() -> None:
    Alarms.steps = 0
    while Alarms.steps < STEPS:
        run_state_machine_as_test(Alarms, settings=WALK)
    print(f"{Alarms.steps} steps")
