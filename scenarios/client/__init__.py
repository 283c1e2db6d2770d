"""One virtual user: its session, queues and inboxes. Pure: clocks and sockets are passed in."""
