"""One virtual user: session, send queue and inboxes. Pure: clock and transport are passed in."""
