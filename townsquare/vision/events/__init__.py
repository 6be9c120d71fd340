"""Events about places: what has gone on in a zone for long enough. Who was in it is forgotten."""
