"""What the benches share: loading a server, reading what a process costs, raw limits."""
