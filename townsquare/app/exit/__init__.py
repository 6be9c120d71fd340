"""Leaving with everything in open formats, and arriving with it in an empty town."""
