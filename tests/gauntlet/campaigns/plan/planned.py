"""A plan from the made-up records, also one whose texts are hostile."""

import msgspec

from gauntlet.campaigns.capacity.record import Run, Scenario, System
from gauntlet.campaigns.plan.build import build
from gauntlet.campaigns.plan.sources.costs import Source, merge

from .example import capacity, inputs, limit, measured, prices, unit_cost, unit_costs

CREATED = "2026-12-01T08:00:00Z"
MARKUP = "<img src=x onerror=alert(1)>"
FORMULA = '=HYPERLINK("http://x","y")'


def planned(*records, price_file=None, **changes):
    return build(measured(*records), inputs(**changes), price_file, CREATED)


def with_prices(**changes):
    return planned(price_file=prices(), growth_per_month=0.05, **changes)


def hostile():
    """Return a plan of records in which every text is markup, a formula, or controls a terminal."""
    control = "\x1b[31m"
    record = capacity(
        system=System(adapter=MARKUP, stack=FORMULA),
        scenario=Scenario(name=MARKUP + control, sha256="ab" * 32),
        runs=(Run(directory=FORMULA, sha256=MARKUP),),
        not_measured=(MARKUP + control, FORMULA),
        unit_costs=(
            *unit_costs(),
            unit_cost(MARKUP, "cpu_s", 0.1, {"message": 1e-4}),
            unit_cost(FORMULA, "cpu_s", 0.1, {"message": 1e-4}),
        ),
        limits_first=limit(MARKUP + control),
        sustainable=(
            msgspec.structs.replace(capacity().sustainable[0], limited_by=MARKUP + control),
        ),
    )
    tiers = {"edge": "small", "message": "small", "database": "large"}
    named = prices(
        currency="<b>€",
        per_hour={"small": 0.1, "large": 0.4, FORMULA: 1.0},
        tiers={**tiers, MARKUP: FORMULA, FORMULA: FORMULA},
    )
    source = Source(FORMULA, "1" * 64, record)
    return build(merge([source]), inputs(), named._replace(name=MARKUP + control), CREATED)
