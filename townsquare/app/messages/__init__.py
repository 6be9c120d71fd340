"""What the server says about itself: to the terminal or journal, and to a syslog host."""
