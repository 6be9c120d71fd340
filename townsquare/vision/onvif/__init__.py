"""Cameras that speak ONVIF: found in the network, and asked for their streams."""
