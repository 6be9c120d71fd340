"""Recorded footage, which exists as ciphertext only: recording, keeping, holding and opening it."""
