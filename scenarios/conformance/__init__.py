"""The conformance suite: tries the capabilities of an adapter on the live server.

It uses the sessions and the transport of the load, with a few users and no schedule. `check` runs
all probes; each module of probes tries a few related capabilities.
"""
