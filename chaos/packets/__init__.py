"""Changes the order of packets on loopback: rules of nftables queue them for a process.

The kernel's netem, which could also do it, acts on a whole interface, and many kernels lack it.
"""
