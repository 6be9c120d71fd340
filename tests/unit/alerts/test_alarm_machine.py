"""A short walk; `make soak` takes 100,000 steps."""

from hypothesis import settings

from tests.alarm_machine import Alarms

Alarms.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAlarms = Alarms.TestCase
