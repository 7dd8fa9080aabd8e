# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A gateway, two servers and a client in network namespaces, with the real agent.

Two arms ("two"):                          One arm ("one"):

  client --- g0 gateway g1 --- switch        client ---\\
  10.1.0.2   .1         .1   /     \\         10.1.0.2   switch --- g0 gateway
  fd01::2            10.2.0.11  10.2.0.12    servers ---/          10.1.0.1, 10.2.0.1
                     srv1        srv2        10.2.0.11, .12

The VIPs are 10.1.0.100 and fd01::100; servers have the gateway as default route. The
switch is a bridge in a namespace of its own. Everything carries the process id in its
name, so that runs do not meet, and close() removes all of it.
"""

import ctypes
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENDS = pathlib.Path(__file__).resolve().with_name("ends.py")
BUILD = pathlib.Path(os.environ.get("TANDEM_BUILD", ROOT / "build")).resolve()
# How many times slower this machine is than those that time limits are meant for: a guest without
# acceleration, say.
SLOWNESS = int(os.environ.get("TANDEM_SLOWNESS", "1"))
VIP4, VIP6 = "10.1.0.100", "fd01::100"
SERVERS4 = {"srv1": "10.2.0.11", "srv2": "10.2.0.12"}
SERVERS6 = {"srv1": "fd02::11", "srv2": "fd02::12"}
CLIENT4, CLIENT6 = "10.1.0.2", "fd01::2"


def wait_until(condition, timeout=5.0, why=""):
    """Poll @condition every 20 ms until it is true, return its value; the one place that sleeps."""
    timeout *= SLOWNESS
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {why or condition}")
        time.sleep(0.02)


class ApiError(Exception):
    """An error answer of the API."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body.get('Code')}: {body.get('Message')}")
        self.status, self.body, self.code = status, body, body.get("Code")


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout=10):
        super().__init__("tandem", timeout=timeout * SLOWNESS)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Api:
    """The API of one agent; each call is an action with its parameters."""

    def __init__(self, path):
        self.path = path

    def raw(self, parameters):
        """Return (status, decoded body) of one request."""
        connection = UnixConnection(self.path)
        try:
            body = urllib.parse.urlencode(parameters)
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def __call__(self, action, **parameters):
        parameters = {key.replace("__", "."): value for key, value in parameters.items()}
        status, body = self.raw({"Action": action, "RegionId": "local", **parameters})
        if status != 200:
            raise ApiError(status, body)
        return body

    def listeners(self):
        """The listeners of DescribeStatus."""
        return self("DescribeStatus")["Listeners"]["Listener"]

    def active(self, port=None, protocol=None):
        """Who serves the (only, or named) listener: "Master", "Slave", "none"."""
        for listener in self.listeners():
            if port in (None, listener["ListenerPort"]):
                if protocol in (None, listener["ListenerProtocol"]):
                    return listener["Active"]
        return None


class Lab:
    """The topology, and what runs in it."""

    count = 0

    def __init__(self, arms="two", queues=1, mtu=1500):
        Lab.count += 1
        self.prefix = f"td{os.getpid()}x{Lab.count}"
        self.arms = arms
        self.veth = f"mtu {mtu} numrxqueues {queues} numtxqueues {queues}"
        self.namespaces = []
        self.processes = []
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=self.prefix + "-"))
        self.pins = pathlib.Path(f"/sys/fs/bpf/{self.prefix}")
        self.socket = self.dir / "run" / "tandem.sock"
        self.api = Api(self.socket)
        self.agent = None
        self.agent_log = self.dir / "tandemd.log"
        self.config = {}
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    # Namespaces and links.

    def _namespace(self, name):
        full = f"{self.prefix}-{name}"
        subprocess.run(["ip", "netns", "add", full], check=True)
        self.namespaces.append(name)
        self.run(name, "ip link set lo up")
        self.run(
            name, "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0"
        )

    def _link(self, left, left_if, right, right_if):
        """A veth pair. Checksum offload is off: XDP sees what is in the frame."""
        self.run(
            left,
            f"ip link add {left_if} {self.veth} type veth"
            f" peer name {right_if} {self.veth} netns {self.prefix}-{right}",
        )
        for name, device in ((left, left_if), (right, right_if)):
            self.run(name, f"ethtool -K {device} tx off tso off gso off gro off", quiet=True)
            self.run(name, f"ip link set {device} up")

    def _port(self, name, device, gro=False, at="switch", bridge="br0"):
        """Connect @device to a bridge. The far end of a gateway's veth wants NAPI: GRO."""
        port = f"p-{name}-{device}"[:15]
        self._link(name, device, at, port)
        self.run(at, f"ip link set {port} master {bridge}")
        if gro:
            self.run(at, f"ethtool -K {port} gro on", quiet=True)

    def _build(self):
        for name in ("gateway", "client", "srv1", "srv2", "switch"):
            self._namespace(name)
        self.run("switch", "ip link add br0 type bridge && ip link set br0 up")
        for name in SERVERS4:
            self._port(name, "eth0")
        if self.arms == "two":
            self._link("client", "eth0", "gateway", "g0")
            self.run("client", "ethtool -K eth0 gro on", quiet=True)
            self._port("gateway", "g1", gro=True)
            self.devices = ["g0", "g1"]
        else:
            self._port("client", "eth0")
            self._port("gateway", "g0", gro=True)
            self.devices = ["g0"]
        server_side = self.devices[-1]
        self.run("gateway", "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
        self.run("gateway", "ip addr add 10.1.0.1/24 dev g0; ip addr add fd01::1/64 dev g0 nodad")
        self.run(
            "gateway",
            f"ip addr add 10.2.0.1/24 dev {server_side};"
            f" ip addr add fd02::1/64 dev {server_side} nodad",
        )
        self.run(
            "client", f"ip addr add {CLIENT4}/24 dev eth0; ip addr add {CLIENT6}/64 dev eth0 nodad"
        )
        self.run("client", "ip route add default via 10.1.0.1; ip -6 route add default via fd01::1")
        for name, address in SERVERS4.items():
            self.run(name, f"ip addr add {address}/24 dev eth0")
            self.run(name, f"ip addr add {SERVERS6[name]}/64 dev eth0 nodad")
            self.run(name, "ip route add default via 10.2.0.1; ip -6 route add default via fd02::1")
        if self.arms == "one":
            # Clients and servers share the wire: nobody may be told to go around the gateway.
            for scope in ("all", "g0"):
                self.run("gateway", f"sysctl -qw net.ipv4.conf.{scope}.send_redirects=0")
            for name in SERVERS4:
                self.run(name, "sysctl -qw net.ipv6.conf.eth0.accept_redirects=0")

    # Running things.

    def _enter(self, name):
        return ["nsenter", f"--net=/run/netns/{self.prefix}-{name}"]

    def run(self, name, command, check=True, quiet=False, timeout=60):
        """Run a shell command in a namespace; return its output."""
        done = subprocess.run(
            self._enter(name) + ["sh", "-c", command],
            capture_output=True,
            text=True,
            timeout=timeout * SLOWNESS,
            check=False,
        )
        if check and done.returncode != 0 and not quiet:
            raise AssertionError(
                f"{name}: {command}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def open_socket(self, name, family, kind, protocol=0):
        """A socket of this process that belongs to a namespace."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net", "rb") as here:
            with open(f"/run/netns/{self.prefix}-{name}", "rb") as there:
                if libc.setns(there.fileno(), 0):
                    raise OSError(ctypes.get_errno(), f"enter {name}")
            try:
                return socket.socket(family, kind, protocol)
            finally:
                if libc.setns(here.fileno(), 0):
                    os.abort()  # nothing after this would be where it belongs

    def mac(self, name, device):
        """The MAC address of a device."""
        return json.loads(self.run(name, f"ip -j link show {device}"))[0]["address"]

    def start(self, name, arguments, **options):
        """Start a program in a namespace; close() ends it."""
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen(self._enter(name) + [str(a) for a in arguments], **options)
        self.processes.append(process)
        return process

    def stop(self, process, how=signal.SIGTERM):
        """End a program that start() returned, and wait for it."""
        if process.poll() is None:
            process.send_signal(how)
        process.wait(timeout=10 * SLOWNESS)
        if process in self.processes:
            self.processes.remove(process)

    def begin(self, name, *arguments):
        """Start a program of ends.py in a namespace; finish() ends it."""
        with open(self.dir / "ends.log", "a", encoding="utf-8") as log:
            return self.start(
                name,
                ["/usr/bin/python3", ENDS, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def finish(self, process):
        """End what begin() started; return what it saw."""
        output, _ = process.communicate("", timeout=20 * SLOWNESS)
        self.processes.remove(process)
        return json.loads(output)

    # Servers.

    def start_end(self, name, *arguments):
        """Start a server of ends.py and wait until it serves."""
        process = self.begin(name, *arguments)
        assert process.stdout.readline() == "ready\n", (self.dir / "ends.log").read_text()
        return process

    def start_nginx(self, name, port=8080, body=None):
        """An nginx that answers with its namespace's name; /big is 64 MiB of random bytes,
        and /slow the same at 10 MiB a second."""
        folder = self.dir / f"nginx-{name}-{port}"
        folder.mkdir(exist_ok=True)
        big = self.dir / "big"
        if not big.exists():
            big.write_bytes(os.urandom(1 << 20) * 64)
        config = folder / "nginx.conf"
        config.write_text(
            f"""daemon off; master_process off; worker_processes 1;
pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_timeout 300; keepalive_requests 1000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen {port} backlog=4096; listen [::]:{port} backlog=4096;
    location / {{ default_type text/plain; return 200 "{body or name}"; }}
    location /health {{ return 204; }}
    location = /big {{ root {self.dir}; sendfile off; }}
    location = /slow {{ alias {self.dir}/big; sendfile off; limit_rate 10m; }}
  }}
}}
"""
        )
        process = self.start(name, ["nginx", "-c", config, "-g", "user root;"])
        wait_until(
            lambda: f":{port} " in self.run(name, "ss -Hltn"), why=f"nginx of {name} listens"
        )
        return process

    def start_dns(self, name):
        """A dnsmasq that says its namespace's name in the TXT record of who.test."""
        process = self.start(
            name,
            ["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--port=53"]
            + ["--conf-file=/dev/null", f"--pid-file={self.dir}/dns-{name}.pid", "--user=root"]
            + [f"--txt-record=who.test,{name}", "--bind-interfaces", "--local=/test/"],
        )
        wait_until(lambda: ":53 " in self.run(name, "ss -Hlun"), why=f"dnsmasq of {name} listens")
        return process

    # The agent.

    def write_config(self, **changes):
        """Write the agent's configuration file and return its path."""
        self.config = {
            "interfaces": self.devices,
            "state_dir": str(self.dir / "state"),
            "socket": str(self.socket),
            "pin_dir": str(self.pins),
            **self.config,
            **changes,
        }
        (self.dir / "state").mkdir(exist_ok=True)
        (self.dir / "run").mkdir(exist_ok=True)
        path = self.dir / "tandem.json"
        path.write_text(json.dumps(self.config))
        return path

    def start_agent(self, **changes):
        """Start tandemd and wait until it answers."""
        path = self.write_config(**changes)
        log = open(self.agent_log, "a", encoding="utf-8")
        self.agent = self.start("gateway", [BUILD / "tandemd", "--config", path], stderr=log)
        log.close()

        def ready():
            if self.agent.poll() is not None:
                raise AssertionError(f"tandemd ended: {self.agent_log.read_text()}")
            try:
                return self.api("DescribeStatus")
            except OSError:
                return None

        wait_until(ready, timeout=20, why="tandemd answers")
        return self.agent

    def stop_agent(self, how=signal.SIGTERM):
        """End tandemd; the data plane goes on."""
        self.stop(self.agent, how)

    def tandemd(self, *arguments):
        """Run tandemd to its end, with the configuration; return the finished process."""
        path = self.dir / "tandem.json"
        return subprocess.run(
            self._enter("gateway") + [str(BUILD / "tandemd"), "--config", str(path), *arguments],
            capture_output=True,
            text=True,
            timeout=60 * SLOWNESS,
            check=False,
        )

    def ctl(self, *arguments):
        """Run tandemctl; return the finished process."""
        return subprocess.run(
            [str(BUILD / "tandemctl"), *arguments],
            env={**os.environ, "TANDEM_SOCKET": str(self.socket)},
            capture_output=True,
            text=True,
            timeout=60 * SLOWNESS,
            check=False,
        )

    # Configuration in one go.

    def balancer(self, vip=VIP4):
        """Create a load balancer; return its id."""
        return self.api("CreateLoadBalancer", Address=vip)["LoadBalancerId"]

    def group(self, balancer, port=8080, servers=None):
        """Create a group of srv1 (primary) and srv2, by literal addresses; return its id."""
        servers = servers or list(SERVERS4.values())
        return self.group_of(balancer, [(servers[0], port, "Master"), (servers[1], port, "Slave")])

    def group_of(self, balancer, servers):
        """Create a group of any servers: address, port and type of each; return its id."""
        backends = [
            {"ServerId": address, "Port": port, "ServerType": kind}
            for address, port, kind in servers
        ]
        return self.api(
            "CreateMasterSlaveServerGroup",
            LoadBalancerId=balancer,
            MasterSlaveBackendServers=json.dumps(backends),
        )["MasterSlaveServerGroupId"]

    def listener(self, balancer, group, port=80, protocol="TCP", start=True, **parameters):
        """Create (and start) a listener with quick checks."""
        defaults = {
            "HealthCheckIntervalMs": 50 * SLOWNESS,
            "HealthCheckTimeoutMs": 50 * SLOWNESS,
            "HealthyThreshold": 2,
            "UnhealthyThreshold": 2,
        }
        if protocol == "UDP" and not {"healthCheckReq", "HealthCheckType"} & set(parameters):
            defaults["HealthCheckAssumeUpOnSilence"] = "on"
        self.api(
            f"CreateLoadBalancer{protocol}Listener",
            LoadBalancerId=balancer,
            ListenerPort=port,
            Bandwidth=-1,
            MasterSlaveServerGroupId=group,
            **{**defaults, **parameters},
        )
        if start:
            self.api(
                "StartLoadBalancerListener",
                LoadBalancerId=balancer,
                ListenerPort=port,
                ListenerProtocol=protocol.lower(),
            )

    def web(self, vip=VIP4, servers=None, **parameters):
        """VIP:80 over srv1 and srv2 at 8080; returns (load balancer, group)."""
        balancer = self.balancer(vip)
        group = self.group(balancer, servers=servers)
        self.listener(balancer, group, **parameters)
        return balancer, group

    def get(self, url=f"http://{VIP4}/", timeout=2, name="client"):
        """Fetch a URL as the client; return the body, or "" where it fails."""
        timeout *= SLOWNESS
        return self.run(name, f"curl -sg --max-time {timeout} '{url}'", check=False)

    def healthy(self, count=2):
        """Wait until @count servers of all listeners together are up."""

        def up():
            servers = [s for one in self.api.listeners() for s in one["Servers"]["Server"]]
            return sum(s["Health"] == "up" for s in servers) == count

        wait_until(up, why=f"{count} servers are up")

    def server(self, role, port=None, protocol=None):
        """A server ("Master", "Slave") of the (only, or named) listener in DescribeStatus."""
        for listener in self.api.listeners():
            if port in (None, listener["ListenerPort"]):
                if protocol in (None, listener["ListenerProtocol"]):
                    servers = listener["Servers"]["Server"]
                    return next(s for s in servers if s["ServerType"] == role)
        return None

    def reasons(self):
        """Packets by reason."""
        answer = self.api("DescribeStatus")["Agent"]["Reasons"]["Reason"]
        return {reason["Name"]: reason["Packets"] for reason in answer}

    # The end.

    def diagnose(self):
        """What a person would look at after a failure."""
        parts = []
        if self.agent_log.exists():
            parts.append("--- tandemd\n" + "\n".join(self.agent_log.read_text().splitlines()[-60:]))
        for name in ("gateway",):
            parts.append(
                f"--- {name}\n" + self.run(name, "ip -br addr; ip neigh; ip route", check=False)
            )
        if self.socket.exists() and self.agent and self.agent.poll() is None:
            parts.append("--- status\n" + self.ctl("status").stdout)
        return "\n".join(parts)

    def close(self):
        """Remove everything that was made."""
        for process in list(self.processes):
            try:
                self.stop(process, signal.SIGKILL)
            except (subprocess.TimeoutExpired, ProcessLookupError):
                pass
        if (self.dir / "tandem.json").exists():
            self.tandemd("--purge")
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", f"{self.prefix}-{name}"], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
