"""The estimates of a plan: demand, nodes, reconnect storm, costs, sensitivity. Pure."""
