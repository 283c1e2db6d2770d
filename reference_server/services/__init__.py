"""The HTTP services behind the gateway, each an app that can be its own process."""
