"""The files that hosted services and pre-commit read: workflows, issue forms, hooks."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gauntlet.campaigns.gate.suite import load
from gauntlet.core.errors import Exit
from gauntlet.scenarios import library

from .services import missing

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*_*.yml"))
TEMPLATES = ROOT / "docs" / "howto" / "ci"
GATE = "required-checks-pass"


def _name(path: Path) -> str:
    return path.name


def test_actionlint_reports_nothing():
    program = shutil.which("actionlint")
    if program is None:
        reason = "actionlint is not on PATH; .ci/run installs it"
        missing("actionlint", reason)
    result = subprocess.run(
        [program, "-no-color", *WORKFLOWS, TEMPLATES / "github-workflow.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    "workflow",
    [*WORKFLOWS, TEMPLATES / "github-workflow.yml", TEMPLATES / "github-action" / "action.yml"],
    ids=_name,
)
def test_actions_are_pinned_to_commits(workflow):
    """A tag can be moved; a commit cannot. The comment names the version for readers."""
    uses = re.findall(r"^\s*(?:- )?uses: ([^.].+)$", workflow.read_text(), re.MULTILINE)
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=_name)
def test_workflows_have_read_permissions_only_by_default(workflow):
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}


def test_the_gate_needs_every_other_job():
    """A job that the gate does not need could fail without blocking a merge."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert set(jobs[GATE]["needs"]) == set(jobs) - {GATE}
    assert jobs[GATE]["if"] == "always()", "a skipped gate counts as passed"


@pytest.mark.parametrize("form", FORMS, ids=_name)
def test_issue_forms_have_distinct_ids_and_labels(form):
    """The host ignores an invalid form without a message."""
    content = yaml.safe_load(form.read_text())
    assert {"name", "description", "body"} <= set(content)
    questions = [item for item in content["body"] if item["type"] != "markdown"]
    assert len({item["id"] for item in questions}) == len(questions)
    assert all(item["attributes"]["label"] for item in questions)


def test_hooks_run_the_programs_of_the_lock():
    content = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert {repository["repo"] for repository in content["repos"]} == {"local"}
    for repository in content["repos"]:
        for hook in repository["hooks"]:
            assert hook["entry"].startswith((".venv/bin/", "tools/bootstrap.sh ")), hook["id"]


def test_the_templates_for_gates_call_the_command_as_it_is():
    """Their suite is valid, and so are the outputs, files and exit codes that they use."""
    suite = load(TEMPLATES / "suite.yaml")
    assert {library.find(name).name for name in suite.scenarios} == set(suite.scenarios)
    action = yaml.safe_load((TEMPLATES / "github-action" / "action.yml").read_text())
    steps = {step.get("id"): step for step in action["runs"]["steps"]}
    assert 'gauntlet gate "$SUITE"' in steps["gate"]["run"]
    outputs = set(re.findall(r"steps\.gate\.outputs\.([\w-]+)", str(action["outputs"])))
    assert outputs == set(action["outputs"]) == {"directory", "page", "status", "exit-code"}
    job = yaml.safe_load((TEMPLATES / "gitlab-ci.yml").read_text())["gate"]
    assert job["allow_failure"] == {"exit_codes": Exit.INCONCLUSIVE}
    assert job["artifacts"]["reports"]["junit"] == "gate/*/junit.xml"
    workflow = (TEMPLATES / "github-workflow.yml").read_text()
    assert "comment.md" in workflow


@pytest.mark.parametrize(
    ("code", "allowed", "expected"),
    [(0, "false", 0), (1, "true", 1), (3, "true", 3), (5, "false", 5), (5, "true", 0)],
)
def test_the_composite_action_fails_as_the_gate_does(tmp_path, code, allowed, expected):
    """Only an inconclusive gate can be allowed to pass."""
    action = yaml.safe_load((TEMPLATES / "github-action" / "action.yml").read_text())
    (step,) = [step for step in action["runs"]["steps"] if step.get("id") == "gate"]
    assert step["env"]["ALLOW_INCONCLUSIVE"] == "${{ inputs.allow-inconclusive }}"
    assert action["inputs"]["allow-inconclusive"]["default"] == "false"
    command = tmp_path / "gauntlet"
    command.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nexit {code}\n')
    command.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SUITE": "suite.yaml",
        "OPTIONS": "--repeat 2",
        "ALLOW_INCONCLUSIVE": allowed,
    }
    # The options with which GitHub's runner starts bash.
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    assert subprocess.run(shell, env=environment, check=False).returncode == expected
    assert (tmp_path / "arguments").read_text() == "gate suite.yaml --repeat 2\n"


def test_the_scripts_of_the_composite_action_pass_shellcheck(tmp_path):
    """Actionlint checks workflows only."""
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not on PATH")
    action = yaml.safe_load((TEMPLATES / "github-action" / "action.yml").read_text())
    for number, step in enumerate(action["runs"]["steps"]):
        if "run" in step:
            script = tmp_path / f"{number}.sh"
            script.write_text(f"#!/bin/bash\n{step['run']}")
            command = ["shellcheck", script]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout
