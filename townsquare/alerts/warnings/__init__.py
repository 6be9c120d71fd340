"""Warn the public by CAP 1.2: drafted from an incident, approved by a second person, published."""
