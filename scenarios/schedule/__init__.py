"""When messages are sent: arrival times and the traffic they become."""
