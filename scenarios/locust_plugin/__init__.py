"""Locust as the control plane of our engine; the only importer of locust and gevent."""
