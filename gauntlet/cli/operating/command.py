"""What `gauntlet serve`, `cutover`, `scale` and `rolling` do with their parsed arguments."""

import argparse

from gauntlet.cli.operating import operate, serve


def serve_reference_server(options: argparse.Namespace) -> int:
    """Run the reference server until it is interrupted."""
    return serve.serve(
        serve.Options(options.stack, options.data, options.config, options.layout, options.tls)
    )


def cutover(options: argparse.Namespace) -> int:
    """Begin, roll back or show a blue-green cutover of a running system."""
    control = operate.connect(options.control)
    if options.status:
        return operate.show(control)
    if options.rollback:
        return operate.roll_back(control)
    drain_ms = round(options.drain * 1000)
    return operate.cutover(control, options.to, drain_ms=drain_ms, canaries=options.canaries)


def scale(options: argparse.Namespace) -> int:
    """Add an edge to a running system, or drain one."""
    control = operate.connect(options.control)
    if options.out:
        return operate.scale_out(control)
    return operate.scale_in(control, options.edge, drain_ms=round(options.drain * 1000))


def rolling_update(options: argparse.Namespace) -> int:
    """Restart the gateways and services of a running system, one after the other."""
    return operate.update(operate.connect(options.control))
