"""Locust as the control plane of the load engine; no other package imports Locust or gevent."""
