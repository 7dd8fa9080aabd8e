# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tandemctl against the real agent: every command, its exit codes, and what an operator reads."""

import json
import os
import re
import socket
import subprocess

import pytest
from lab import BUILD, ROOT, SERVERS4, VIP4, VIP6, Lab, wait_until
from observe import described

COMMANDS = """status|health|server add|server del|server list|lb create|lb list|lb show|lb delete
group create|group list|group show|group delete|listener create|listener list|listener show
listener start|listener stop|listener delete|doctor|drops|trace|api|help""".replace(
    "\n", "|"
).split(
    "|"
)


@pytest.fixture(scope="module", name="gateway")
def gateway_fixture():
    """A gateway with web servers and an agent that has nothing to do yet."""
    lab = Lab()
    try:
        lab.web_servers = {name: lab.start_nginx(name) for name in SERVERS4}
        lab.start_agent()
        yield lab
    finally:
        lab.close()


def good(lab, *arguments):
    """Run a command that has to work; its output."""
    done = lab.ctl(*arguments)
    assert (done.returncode, done.stderr) == (0, ""), (arguments, done)
    return done.stdout


def refused(lab, status, *arguments):
    """Run a command that has to fail with @status; its complaint, which is one clear line."""
    done = lab.ctl(*arguments)
    assert done.returncode == status, (arguments, done)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0].startswith("tandemctl: ") and len(lines[0]) > 20
    # It may be followed by what to do about it, and nothing else.
    assert len(lines) == 1 or (len(lines) == 2 and "tandemctl" in lines[1]), lines
    return lines[0]


@pytest.fixture(name="web")
def web_fixture(gateway):
    """A load balancer, a group by inventory and a running listener, made by tandemctl."""
    good(gateway, "server", "add", "i-web1", "10.2.0.11", "--zone", "z1", "--description", "first")
    good(gateway, "server", "add", "i-web2", "10.2.0.12", "--type", "eni")
    balancer = good(gateway, "lb", "create", "--address", VIP4, "--name", "web").strip()
    group = good(
        gateway,
        *("group", "create", "--lb", balancer, "--name", "pair"),
        *("--primary", "i-web1:8080", "--secondary", "i-web2,weight=50", "--port", "8080"),
    ).strip()
    good(
        gateway,
        *("listener", "create", "--lb", balancer, "--port", "80", "--protocol", "tcp"),
        *("--group", group, "--check", "http", "--uri", "/health", "--interval", "50ms"),
        *("--timeout", "50ms", "--rise", "2", "--fall", "2", "--start"),
    )
    gateway.healthy()
    yield balancer, group
    gateway.ctl("lb", "delete", balancer)
    for name in ("i-web1", "i-web2"):
        gateway.ctl("server", "del", name)


def test_every_command_does_what_it_says(gateway, web):
    balancer, group = web
    named = ("--lb", balancer, "--port", "80")
    assert gateway.get() == "srv1"

    servers = good(gateway, "server", "list")
    assert re.search(r"i-web1\s+10\.2\.0\.11\s", servers) and "first" in servers
    assert re.search(r"i-web2\s+10\.2\.0\.12\s+eni", servers)
    assert re.search(rf"{balancer}\s+web\s+{VIP4}", good(gateway, "lb", "list"))
    shown = good(gateway, "lb", "show", balancer)
    assert VIP4 in shown and "80" in shown
    for listing in (("group", "list"), ("group", "list", "--lb", balancer)):
        text = good(gateway, *listing)
        assert group in text and "i-web1:8080" in text and "i-web2:8080" in text
    text = good(gateway, "group", "show", group)
    assert re.search(r"primary\s+i-web1:8080\s", text)
    assert re.search(r"secondary\s+i-web2:8080\s+-\s+50\s", text)
    for listing in (("listener", "list"), ("listener", "list", "--lb", balancer)):
        assert re.search(r"80.*http", good(gateway, *listing))
    text = good(gateway, "listener", "show", *named)
    assert re.search(r"HealthCheckURI\W+/health", text) and re.search(r"Status\W+running", text)
    text = good(gateway, "health", balancer)
    assert text.count("normal") == 2 and "10.2.0.12" in text
    assert good(gateway, "health", balancer, "--port", "80", "--protocol", "tcp") == text

    assert good(gateway, "listener", "stop", *named) == ""
    assert gateway.get(timeout=1) == ""
    assert good(gateway, "listener", "start", *named, "--protocol", "tcp") == ""
    wait_until(lambda: gateway.get() == "srv1", why="it serves again")
    answer = json.loads(
        good(gateway, "api", "DescribeLoadBalancerAttribute", f"LoadBalancerId={balancer}")
    )
    assert answer["ListenerPorts"]["ListenerPort"] == [80]

    assert good(gateway, "listener", "delete", *named) == ""
    assert good(gateway, "group", "delete", group) == ""
    assert good(gateway, "lb", "delete", balancer) == ""
    for name in ("i-web1", "i-web2"):
        assert good(gateway, "server", "del", name) == ""
    assert described(gateway)[0]["TotalCount"] == 0


def test_a_server_that_is_replaced_takes_its_groups_along(gateway, web):
    assert gateway.get() == "srv1"
    complaint = refused(gateway, 1, "server", "add", "i-web1", "10.2.0.19")
    assert "i-web1" in complaint and "10.2.0.11" in complaint
    good(gateway, "server", "add", "i-web1", "10.2.0.19", "--replace")
    gateway.run("srv2", "ip addr add 10.2.0.19/24 dev eth0")
    try:
        gateway.healthy()
        wait_until(lambda: gateway.get() == "srv2", why="the primary is at its new address")
        assert gateway.api.active() == "Master"
    finally:
        gateway.run("srv2", "ip addr del 10.2.0.19/24 dev eth0")


def test_every_answer_is_to_be_had_as_json(gateway, web):
    balancer, group = web
    named = ("--lb", balancer, "--port", "80")
    for arguments, key in (
        (("status",), "Agent"),
        (("status", balancer), "Listeners"),
        (("health", balancer), "BackendServers"),
        (("server", "list"), "Servers"),
        (("lb", "list"), "LoadBalancers"),
        (("lb", "show", balancer), "ListenerPorts"),
        (("group", "list"), "MasterSlaveServerGroups"),
        (("group", "show", group), "MasterSlaveBackendServers"),
        (("listener", "list"), "Listeners"),
        (("listener", "show", *named), "HealthCheck"),
        (("api", "DescribeStatus"), "Agent"),
    ):
        for options in (("-j",), ("--json",)):
            assert key in json.loads(good(gateway, *arguments, *options)), arguments
    made = json.loads(good(gateway, "-j", "lb", "create", "--address", "10.1.0.130"))
    good(gateway, "lb", "delete", made["LoadBalancerId"])


def status_line(lab):
    """The cells of the only listener in the table of status, and what is below it."""
    header, line, *rest = good(lab, "status").splitlines()
    assert header.split() == (
        "LISTENER ACTIVE SINCE REASON PRIMARY PACKETS SECONDARY PACKETS".split()
    )
    return re.split(r"  +", line.strip()), "\n".join(rest)


def test_status_says_who_serves_and_why_in_each_state(gateway, web):
    balancer, _ = web
    endpoint = f"{VIP4}:80/tcp"
    cells, warnings = status_line(gateway)
    assert cells[:2] + cells[3:4] == [endpoint, "primary", "primary_healthy"]
    assert cells[4].startswith("i-web1:8080 up (HTTP 204 in")
    assert warnings == ""

    gateway.stop(gateway.web_servers["srv1"])
    wait_until(lambda: gateway.api.active() == "Slave", why="the secondary serves")
    cells, warnings = status_line(gateway)
    assert cells[:2] + cells[3:4] == [endpoint, "secondary", "primary_down"]
    assert cells[4] == "i-web1:8080 down (connect: Connection refused)"
    assert cells[6].startswith("i-web2:8080 up")
    assert f"warning: {endpoint}: redundancy lost: i-web1 (primary) is down" in warnings
    done = gateway.ctl("health", balancer)
    assert done.returncode == 1 and "abnormal" in done.stdout

    gateway.stop(gateway.web_servers["srv2"])
    wait_until(lambda: gateway.api.active() == "none", why="nobody serves")
    cells, warnings = status_line(gateway)
    assert cells[:2] + cells[3:4] == [endpoint, "none", "both_down"]
    assert f'warning: {endpoint}: no healthy server; clients meet the policy "reject"' in warnings

    good(gateway, "listener", "stop", "--lb", balancer, "--port", "80")
    cells, warnings = status_line(gateway)
    assert cells[:4] == [endpoint, "stopped", "-", "stopped"]
    assert warnings == ""

    gateway.web_servers = {name: gateway.start_nginx(name) for name in SERVERS4}
    good(gateway, "listener", "start", "--lb", balancer, "--port", "80")
    gateway.healthy()
    assert status_line(gateway)[0][1] == "primary"


def test_status_warns_of_what_makes_replies_get_lost(gateway, web):
    gateway.run("gateway", "sysctl -qw net.ipv4.ip_forward=0")
    try:
        assert "sysctl -w net.ipv4.ip_forward=1" in status_line(gateway)[1]
    finally:
        gateway.run("gateway", "sysctl -qw net.ipv4.ip_forward=1")
    assert status_line(gateway)[1] == ""


def test_status_does_not_warn_of_what_another_gateway_cannot_send(gateway, web):
    """The kernel reports refused frames of all namespaces, where interfaces have the same index."""
    other = Lab()
    try:
        other.start_nginx("srv1")
        other.start_agent()
        other.web(HealthCheckSwitch="off")
        other.run("switch", "ethtool -K p-gateway-g1 gro off")
        indexes = [
            lab.run("gateway", "ip -o link show g1 | cut -d: -f1") for lab in (gateway, other)
        ]
        assert indexes[0] == indexes[1]
        assert other.get(timeout=1) == ""
        wait_until(lambda: "g1 refused" in status_line(other)[1], why="the other one warns")
        assert status_line(gateway)[1] == ""
    finally:
        other.close()


def test_ipv6_is_written_in_brackets(gateway):
    balancer = good(gateway, "lb", "create", "--address", VIP6).strip()
    try:
        group = good(
            gateway,
            *("group", "create", "--lb", balancer),
            *("--primary", "[fd02::11]:8080", "--secondary", "[fd02::12]:8080"),
        ).strip()
        good(
            gateway,
            *("listener", "create", "--lb", balancer, "--port", "80", "--protocol", "tcp"),
            *("--group", group, "--interval", "50ms", "--rise", "2", "--start"),
        )
        gateway.healthy()
        assert gateway.get(f"http://[{VIP6}]/") == "srv1"
        assert status_line(gateway)[0][0] == f"[{VIP6}]:80/tcp"
        assert "[fd02::11]:8080" in good(gateway, "group", "show", group)
    finally:
        gateway.ctl("lb", "delete", balancer)


def test_what_the_agent_refuses_exits_with_one(gateway, web):
    balancer, group = web
    before = described(gateway)
    create = ("listener", "create", "--lb", balancer, "--group", group)
    for arguments, words in (
        (("lb", "show", "lb-none"), ["lb-none"]),
        (("lb", "create", "--address", VIP4), [VIP4, balancer]),
        (("lb", "create", "--address", "10.2.0.11"), ["10.2.0.11"]),
        (("group", "show", "rsp-none"), ["does not exist"]),
        (("group", "delete", group), ["vips associating"]),
        (("server", "del", "i-web1"), ["i-web1", group]),
        (("server", "del", "i-none"), ["i-none"]),
        (("health", "lb-none"), ["lb-none"]),
        (("status", "lb-none"), ["lb-none"]),
        (("listener", "show", "--lb", balancer, "--port", "81"), [balancer, "81"]),
        (("listener", "start", "--lb", balancer, "--port", "81"), ["does not exist"]),
        ((*create, "--port", "80", "--protocol", "tcp"), ["80", balancer]),
        ((*create, "--port", "53", "--protocol", "udp"), ["healthCheckReq", "healthCheckExp"]),
        (
            ("group", "create", "--lb", balancer, "--primary", "i-no:1", "--secondary", "i-web2:1"),
            ["i-no"],
        ),
        (
            (
                *("group", "create", "--lb", balancer),
                *("--primary", "i-web1:1", "--secondary", "i-web1:1"),
            ),
            ["same port"],
        ),
        (("--region", "elsewhere", "lb", "list"), ["elsewhere", "local"]),
    ):
        complaint = refused(gateway, 1, *arguments)
        for word in words:
            assert word in complaint, (arguments, complaint)
    done = gateway.ctl("api", "NoSuchAction")
    assert done.returncode == 1
    assert json.loads(done.stdout)["Code"] == "InvalidAction.NotFound"
    assert described(gateway) == before


@pytest.mark.parametrize(
    "line, word",
    [
        ("", None),
        ("bogus", "bogus"),
        ("lb", None),
        ("lb bogus", "bogus"),
        ("lb show", "LB"),
        ("lb show a b", "b"),
        ("lb create", "--address"),
        ("lb create --address", "--address"),
        ("lb create --address 10.1.0", "10.1.0"),
        ("lb create --address 10.1.0.140 --adress-type x", "--adress-type"),
        ("lb create --address 10.1.0.140 --address-type public", "public"),
        ("lb create --address 10.1.0.140 --tag x", "x"),
        ("lb create --address 10.1.0.140 --address 10.1.0.141", "--address"),
        ("server add i-x", "ADDRESS"),
        ("server add i-x 300.1.1.1", "300.1.1.1"),
        ("group create --lb x --primary a --secondary b:1", "a"),
        ("group create --lb x --primary a:0 --secondary b:1", "0"),
        ("group create --lb x --primary a:1,wait=1 --secondary b:1", "wait"),
        ("listener create --lb x --port 0 --protocol tcp --group g", "0"),
        ("listener create --lb x --port 80 --protocol sctp --group g", "sctp"),
        ("listener create --lb x --port 80 --protocol tcp --group g --interval 10", "10"),
        ("listener create --lb x --port 80 --protocol tcp --group g --rise many", "many"),
        ("api", "ACTION"),
        ("api DescribeStatus x", "x"),
        ("status --socket", "--socket"),
        ("--bogus status", "--bogus"),
    ],
)
def test_a_wrong_command_line_exits_with_two_and_asks_nobody(gateway, line, word):
    before = gateway.agent_log.read_text()
    done = gateway.ctl(*line.split())
    assert (done.returncode, done.stdout) == (2, "")
    if word is None:
        assert done.stderr.startswith("Usage: tandemctl")
    else:
        assert word in refused(gateway, 2, *line.split())
    assert gateway.agent_log.read_text() == before


def run_at(path, *arguments, **environment):
    """tandemctl with a socket from the environment (None: without one); the finished process."""
    environment = {**os.environ, **environment}
    environment.pop("TANDEM_SOCKET", None)
    if path is not None:
        environment["TANDEM_SOCKET"] = str(path)
    return subprocess.run(
        [BUILD / "tandemctl", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_no_connection_exits_with_two_and_names_the_socket(gateway, tmp_path):
    closed = tmp_path / "closed.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(closed))
    for path in (tmp_path / "none.sock", closed, tmp_path):
        done = run_at(path, "status")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("tandemctl: ") and len(done.stderr.splitlines()) == 1
        assert str(path) in done.stderr
    done = run_at("/" + "x" * 200, "status")
    assert done.returncode == 2 and "longer" in done.stderr

    # The option goes before the environment, which goes before the default.
    assert run_at(gateway.socket, "status").returncode == 0
    assert run_at(closed, "--socket", str(gateway.socket), "status").returncode == 0
    assert run_at(gateway.socket, "status", "--socket", str(closed)).returncode == 2
    assert run_at(gateway.socket, "lb", "list", TANDEM_REGION="elsewhere").returncode == 1
    assert (
        run_at(
            gateway.socket, "lb", "list", "--region", "local", TANDEM_REGION="elsewhere"
        ).returncode
        == 0
    )
    # A proxy is not for a socket of this host.
    assert run_at(gateway.socket, "status", http_proxy="http://127.0.0.1:9").returncode == 0


def options_of(text):
    """The options that a help text lists, long ones and letters."""
    found = set()
    for line in text.splitlines():
        listed = re.match(r"\s+((-\w, )?\s*--[\w-]+)", line)
        if listed:
            found |= set(re.findall(r"(?<!\w)--?[a-z][\w-]*", listed[1]))
    return found


def manual(name):
    """A manual page with its options as people type them."""
    source = (ROOT / "tools" / "man" / name).read_text(encoding="utf-8")
    source = re.sub(r"\bFl Fl (?=\w)", "--", source)
    return re.sub(r"\bFl (?=\w)", "-", source)


def mentions(page, option):
    """Whether the page has the option as a word of its own."""
    return re.search(rf"(?<![\w-]){option}(?![\w-])", page)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_everywhere_and_the_manual_has_all_of_it(gateway, command):
    words = command.split()
    page = manual("tandemctl.1")
    texts = {good(gateway, *words, option) for option in ("--help", "-h")}
    texts.add(good(gateway, "help", *words))
    assert len(texts) == 1, "the three ways to ask differ"
    (text,) = texts
    assert text.startswith("Usage: tandemctl")
    assert f".It Cm {command}" in page or command == "help" or f", {command}" in page
    for option in options_of(text):
        assert mentions(page, option), f"the manual lacks {option} of {command}"


def test_the_manual_has_each_option_and_command_of_both_programs(gateway):
    text = good(gateway, "--help")
    assert set(re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", text, re.M)) == set(COMMANDS)
    agent = subprocess.run(
        [BUILD / "tandemd", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for page, options in (
        (manual("tandemctl.1"), options_of(text)),
        (manual("tandemd.8"), options_of(agent)),
    ):
        assert options
        for option in options:
            assert mentions(page, option), f"the manual lacks {option}"
    version = re.compile(r"\d+\.\d+\.\d+\n")
    assert version.search(good(gateway, "--version"))


def test_the_manual_has_each_key_of_the_configuration(gateway):
    page = manual("tandem.json.5")
    for key in (
        "interfaces vip_interface manage_vip state_dir socket socket_group pin_dir region_id"
        " log_level"
    ).split():
        assert re.search(rf"^\.It .*\b{key}\b", page, re.M), key
    path = gateway.dir / "unknown.json"
    path.write_text(json.dumps({**gateway.config, "interface": ["g0"]}))
    done = subprocess.run(
        [BUILD / "tandemd", "--check", "--config", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0 and '"interface"' in done.stderr.replace(
        "interface:", '"interface"'
    )
