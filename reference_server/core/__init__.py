"""What all processes of the server share: configuration, errors, metrics, tokens, wire format."""
