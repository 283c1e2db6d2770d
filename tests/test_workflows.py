"""The files that hosted services and pre-commit read: workflows, issue forms, hooks."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*_*.yml"))
GATE = "required-checks-pass"


def _name(path: Path) -> str:
    return path.name


def test_actionlint_reports_nothing():
    program = shutil.which("actionlint")
    if program is None:
        reason = "actionlint is not on PATH; .ci/run installs it"
        (pytest.fail if os.environ.get("GAUNTLET_REQUIRE_SERVICES") == "1" else pytest.skip)(reason)
    result = subprocess.run(
        [program, "-no-color", *WORKFLOWS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=_name)
def test_actions_are_pinned_to_commits(workflow):
    """A tag can be moved; a commit cannot. The comment names the version for readers."""
    uses = re.findall(r"^\s*(?:- )?uses: (.+)$", workflow.read_text(), re.MULTILINE)
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
