"""Dashboards: charts of services and places over an hour, a day, a week and a year."""
