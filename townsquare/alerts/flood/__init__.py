"""Which alarms share a row of the queue, and which are silent while another one explains them."""
