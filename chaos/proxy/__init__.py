"""A fault proxy with Toxiproxy's HTTP API, for machines without `toxiproxy-server`.

The path of a byte: `proxy` accepts a client and dials the upstream; `proxied_connection` reads from
one socket, passes the bytes through the stages of `toxics`, and writes them to the other socket;
`api` controls all of this. docs/reference/fault-proxy.md describes the API and every intentional
difference from Toxiproxy.
"""
