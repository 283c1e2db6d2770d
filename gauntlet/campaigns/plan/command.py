"""`gauntlet plan`: how many nodes a demand needs, and what that rests on."""

import argparse
import datetime as dt

import msgspec

from gauntlet.campaigns.plan import build
from gauntlet.campaigns.plan.inputs import Inputs
from gauntlet.campaigns.plan.outputs import terminal, writing
from gauntlet.campaigns.plan.sources import costs, prices
from gauntlet.campaigns.plan.usl import command as usl
from gauntlet.core.errors import ConfigError, Exit

_OWN_DATA = "--from cannot be combined with RECORD, --users or --prices"
_MONTHS_MAX = 120
_ZONES_MAX = 20


def run(options: argparse.Namespace) -> Exit:
    """Plan from records, or fit scaling data."""
    if options.scaling is not None:
        if options.records or options.users is not None or options.prices is not None:
            raise ConfigError(_OWN_DATA)
        return usl.run(options.scaling, options.out, as_json=options.json)
    inputs = inputs_of(options)
    measurements = costs.read(options.records)
    priced = prices.read(options.prices, measurements.on_nodes) if options.prices else None
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    plan = build.build(measurements, inputs, priced, now.isoformat().replace("+00:00", "Z"))
    folder = writing.new_folder(options.out)
    writing.write(plan, folder)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(plan), indent=2).decode())
    else:
        terminal.show(plan, folder)
    return Exit.OK


def inputs_of(options: argparse.Namespace) -> Inputs:
    """Return the question; ConfigError if an option makes no sense."""
    if options.users is None:
        raise ConfigError("--users must be given, such as --users 10M")
    given = {
        name: getattr(options, option)
        for name, option in _OPTIONS.items()
        if getattr(options, option) is not None
    }
    if "reroute_s" in given:
        given["reroute_s"] = given["reroute_s"][1]
    inputs = Inputs(
        **given,
        start=options.start or dt.datetime.now(dt.UTC).date(),
        given=frozenset(given),
    )
    for option, value, most in (
        ("--months", inputs.months, _MONTHS_MAX),
        ("--zones", inputs.zones, _ZONES_MAX),
        ("--retention-months", inputs.retention_months or 1, _MONTHS_MAX),
    ):
        if not 1 <= value <= most:
            raise ConfigError(f"{option} must be between 1 and {most}; got {value}")
    if options.retention_months == 0:
        raise ConfigError(f"--retention-months must be between 1 and {_MONTHS_MAX}; got 0")
    if inputs.peak_factor < 1:
        raise ConfigError(f"--peak-factor must be at least 1; got {inputs.peak_factor:g}")
    return inputs


_OPTIONS = {
    "users": "users",
    "messages_per_user_day": "messages_per_user_day",
    "peak_factor": "peak_factor",
    "online_share": "online_share",
    "deliveries_per_message": "deliveries_per_message",
    "connects_per_user_day": "connects_per_user_day",
    "growth_per_month": "growth",
    "months": "months",
    "zones": "zones",
    "utilisation": "utilisation",
    "utilisation_after_loss": "utilisation_after_loss",
    "core_speed": "core_speed",
    "node_cores": "node_cores",
    "node_memory_bytes": "node_memory",
    "detection_s": "detection",
    "reroute_s": "reroute",
    "retention_months": "retention_months",
}
