"""A private node that uses nothing of the machine's own RabbitMQ."""

import pytest

from gauntlet.reference_server.cluster.engines import rabbitmq
from gauntlet.reference_server.cluster.supervision.launch_spec import MissingBinaryError
from gauntlet.reference_server.cluster.topology import plan


@pytest.fixture
def launch(tmp_path, require_service):
    """The launch specification of a node on ports 1, 2, 3."""
    require_service("rabbitmq")
    component = plan.PlannedComponent("broker", "broker", plan.RABBITMQ, [1, 2, 3])
    return rabbitmq.launch_spec(component, tmp_path, tmp_path / "log", "for-tests")


def test_every_folder_and_port_is_private(launch, tmp_path):
    """Also the configuration that Debian's scripts would read from /etc."""
    env = launch.env
    for name in ("HOME", "RABBITMQ_MNESIA_BASE", "RABBITMQ_CONFIG_FILE", "ERL_CRASH_DUMP"):
        assert env[name].startswith(str(tmp_path)), name
    assert env["RABBITMQ_CONF_ENV_FILE"] == "/dev/null"
    ports = env["RABBITMQ_NODE_PORT"], env["ERL_EPMD_PORT"], env["RABBITMQ_DIST_PORT"]
    assert ports == ("1", "2", "3")


def test_no_plugin_is_enabled(tmp_path, launch):
    """The management plugin alone would add seconds and ports."""
    assert (tmp_path / "broker" / "enabled_plugins").read_text() == "[].\n"


def test_epmd_is_started_as_a_helper(launch):
    """Started by Erlang it would go into the background and outlive the node."""
    ((program, *options),) = launch.helpers
    assert program.endswith("epmd")
    assert options == ["-port", "2", "-address", "127.0.0.1"]


def test_the_cookie_is_secret_and_kept_across_starts(launch, tmp_path):
    cookie = tmp_path / "broker" / "home" / ".erlang.cookie"
    text = cookie.read_text()
    assert cookie.stat().st_mode & 0o077 == 0
    component = plan.PlannedComponent("broker", "broker", plan.RABBITMQ, [1, 2, 3])
    rabbitmq.launch_spec(component, tmp_path, tmp_path / "log", "for-tests")
    assert cookie.read_text() == text


def test_its_only_user_has_the_password_and_nobody_else_can_read_it(launch, tmp_path):
    """A new node without these lines has the user `guest` with the password `guest`."""
    config = tmp_path / "broker" / "rabbitmq.conf"
    assert "default_user = im\ndefault_pass = for-tests\n" in config.read_text()
    assert config.stat().st_mode & 0o077 == 0
    assert "for-tests" not in " ".join((*launch.argv, *launch.env.values()))


def test_the_data_of_an_earlier_cluster_are_removed(launch, tmp_path):
    """Its node may have the user `guest`, and would not get ours."""
    old = tmp_path / "broker" / "data" / "broker-1@localhost"
    old.mkdir(parents=True)
    component = plan.PlannedComponent("broker", "broker", plan.RABBITMQ, [1, 2, 3])
    again = rabbitmq.launch_spec(component, tmp_path, tmp_path / "log", "for-tests")
    assert str(old.parent) == again.env["RABBITMQ_MNESIA_BASE"]
    assert not old.exists()


def test_a_missing_rabbitmq_is_reported_with_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingBinaryError, match="apt-get install rabbitmq-server"):
        rabbitmq.find()
