"""Who is told of an alarm that nobody answers, when, and who after that."""
