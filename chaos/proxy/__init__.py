"""A fault proxy with Toxiproxy's HTTP API, for machines without `toxiproxy-server`.

The path of a byte: `proxy` accepts and dials, `link` reads it from one socket, hands it through
the stages of `toxics`, and writes it to the other; `api` tells them what to do.
See `docs/reference/fault-proxy.md` for the API and for where we differ on purpose.
"""
