"""Disks of their own for components, on which writes can fail, wait, or be lost.

A disk is a file system in user space (FUSE) that passes everything on to a folder. It is served by
a process of its own, `python -P -m gauntlet.chaos.disks`. The kernel's protocol is spoken directly,
so no library is needed; docs/decisions/049-disks-in-user-space.md says why.
"""
