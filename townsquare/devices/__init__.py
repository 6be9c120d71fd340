"""Devices of the town: what they say is decoded, checked and put into entities."""
