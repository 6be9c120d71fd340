"""Counting recorded clips, with the engine that counts live cameras: for engineers."""
