"""How a camera is read: what its url may open, what of it is decoded, and by which clock."""
