"""How connections are refused: by a port without a listener, or by RST after the accept."""

import socket
import struct

_LINGER_0 = struct.pack("ii", 1, 0)  # on, for 0 seconds; a close then sends RST


def without_listening(listener: socket.socket) -> socket.socket:
    """Close a listener; return a socket that keeps its port, at which connections are refused."""
    family, name = listener.family, listener.getsockname()
    listener.close()
    holder = socket.socket(family, socket.SOCK_STREAM)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(name)
    holder.setblocking(False)
    return holder


def reset(client: socket.socket) -> None:
    """End a connection that has just been accepted by RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
    client.close()
