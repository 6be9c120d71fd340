"""Shows a camera as it is, for an hour at most, where two other organisations agreed to it."""
