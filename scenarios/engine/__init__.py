"""The load engine of one worker: it runs all sessions on one event loop."""
