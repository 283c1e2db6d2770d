"""The subcommands: what each is called, and where its function and its options stand."""

from gauntlet.cli.arguments import Command

COMMANDS: tuple[Command, ...] = (
    Command(
        "run",
        "run a scenario and judge it",
        "gauntlet.cli.running.run:run",
        (
            "gauntlet.cli.running.options:scenario_options",
            "gauntlet.cli.running.options:run_options",
            "gauntlet.cli.running.options:export_options",
            "gauntlet.cli.running.options:own_load_options",
        ),
    ),
    Command(
        "list",
        "list the scenarios of the library",
        "gauntlet.cli.listing.command:run",
        ("gauntlet.cli.listing.options:list_options",),
    ),
    Command(
        "report",
        "render the report of a run again",
        "gauntlet.cli.directories.command:report",
        ("gauntlet.cli.directories.options:directory_option",),
    ),
    Command(
        "serve",
        "run the reference server alone",
        "gauntlet.cli.operating.command:serve_reference_server",
        ("gauntlet.cli.operating.options:serve_options",),
    ),
    Command(
        "cutover",
        "move the clients of a running server between blue and green",
        "gauntlet.cli.operating.command:cutover",
        (
            "gauntlet.cli.operating.options:cutover_options",
            "gauntlet.cli.operating.options:drain_option",
            "gauntlet.cli.operating.options:control_option",
        ),
    ),
    Command(
        "scale",
        "add an edge to a running server, or drain one",
        "gauntlet.cli.operating.command:scale",
        (
            "gauntlet.cli.operating.options:scale_options",
            "gauntlet.cli.operating.options:drain_option",
            "gauntlet.cli.operating.options:control_option",
        ),
    ),
    Command(
        "rolling",
        "restart the gateways and services of a running server one after the other",
        "gauntlet.cli.operating.command:rolling_update",
        ("gauntlet.cli.operating.options:control_option",),
    ),
    Command(
        "proxy",
        "run the fault proxy alone, for any client of Toxiproxy",
        "gauntlet.cli.proxying.command:run",
        ("gauntlet.cli.proxying.options:proxy_options",),
    ),
    Command(
        "doctor",
        "show what can run on this machine, and how to install the rest",
        "gauntlet.cli.doctor:run",
    ),
    Command(
        "adapter",
        "write an adapter for a system of your own, and try it on a live server",
        "gauntlet.cli.adapters.command:run",
        ("gauntlet.cli.adapters.options:adapter_options",),
    ),
    Command(
        "gate",
        "run the scenarios of a suite, and decide whether a change may proceed",
        "gauntlet.campaigns.gate.command:run",
        ("gauntlet.campaigns.gate.options:gate_options",),
    ),
    Command(
        "capacity",
        "find the highest load that a system sustains, and what each unit of it costs",
        "gauntlet.campaigns.capacity.command:run",
        ("gauntlet.campaigns.capacity.options:capacity_options",),
    ),
    Command(
        "plan",
        "plan how many nodes a demand needs, from measured capacity",
        "gauntlet.campaigns.plan.command:run",
        ("gauntlet.campaigns.plan.options:plan_options",),
    ),
    Command(
        "grades",
        "measure what systems keep and lose when connections and servers fail",
        "gauntlet.campaigns.grades.command:run",
        ("gauntlet.campaigns.grades.options:grades_options",),
    ),
    Command(
        "scorecard",
        "measure what the judge detects and misses, with seeded bugs and clean runs",
        "gauntlet.campaigns.scorecard.command:run",
        ("gauntlet.campaigns.scorecard.options:scorecard_options",),
    ),
    Command(
        "storm",
        "inject random faults, and find the fewest with which a run still fails",
        "gauntlet.campaigns.storm.command:run",
        ("gauntlet.campaigns.storm.options:storm_options",),
    ),
    Command(
        "judge",
        "judge an existing run again, or a history of any system, without any server",
        "gauntlet.cli.directories.command:judge_again",
        ("gauntlet.cli.directories.options:judge_options",),
    ),
    Command(
        "export",
        "write a run as a history in JSON Lines, or as a table in Parquet",
        "gauntlet.cli.directories.command:export",
        (
            "gauntlet.cli.directories.options:directory_option",
            "gauntlet.cli.directories.options:export_options",
        ),
    ),
    Command(
        "explain",
        "print the life of one message of a run",
        "gauntlet.cli.directories.command:explain",
        (
            "gauntlet.cli.directories.options:directory_option",
            "gauntlet.cli.directories.options:explain_options",
        ),
    ),
    Command(
        "mark",
        "record when a fault that others inject begins and ends",
        "gauntlet.cli.directories.mark:run",
        (
            "gauntlet.cli.directories.options:directory_option",
            "gauntlet.cli.directories.options:mark_options",
        ),
    ),
    Command(
        "extract",
        "write the messages of a run as a trace that a load can replay",
        "gauntlet.cli.extraction.command:run",
        (
            "gauntlet.cli.directories.options:directory_option",
            "gauntlet.cli.extraction.options:extract_options",
        ),
    ),
    Command(
        "compare",
        "show what differs between runs, and whether they can be compared",
        "gauntlet.cli.comparison.command:run",
        ("gauntlet.cli.comparison.options:compare_options",),
    ),
    Command(
        "runs",
        "list the runs of a folder, label them, or remove old ones",
        "gauntlet.cli.archive.command:run",
        ("gauntlet.cli.archive.options:runs_options",),
    ),
    Command(
        "clean",
        "remove what a run has created on a system that keeps running",
        "gauntlet.cli.cleanup.command:run",
        (
            "gauntlet.cli.directories.options:directory_option",
            "gauntlet.cli.cleanup.options:clean_options",
        ),
    ),
    Command(
        "recover",
        "undo on this machine what killed runs left behind",
        "gauntlet.cli.recovery.command:run",
        ("gauntlet.cli.recovery.options:recover_options",),
    ),
    Command(
        "conduct",
        "run a scenario whose load is the Locust process that starts this command",
        "gauntlet.cli.running.run:run_for_locust",
        (
            "gauntlet.cli.running.options:scenario_options",
            "gauntlet.cli.running.options:run_options",
            "gauntlet.cli.running.options:export_options",
            "gauntlet.cli.running.options:original_command_option",
        ),
        hidden=True,
    ),
)
