"""One file a device type: `KIND` says what it gives and how its bytes are read. Pure."""
