"""Cameras that engineers connect while the town runs: tried, declared, live, taken away."""
