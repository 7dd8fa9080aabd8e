#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Show a failover and the return: a gateway, two web servers and a client in network
namespaces, the real agent, real HTTP. Ends by itself and leaves nothing behind.
"""

import http.client
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "netns"))
import lab as lab_module  # noqa: E402

VIP = lab_module.VIP4


def client(host):
    """In the client's namespace: one request after the other, each on a new connection.

    Prints a line whenever another server answers: "<name> <gap in ms> <failed> <answered>".
    """
    last_name, last_time, failed, answered = "", time.monotonic(), 0, 0
    while True:
        connection = http.client.HTTPConnection(host, 80, timeout=0.05)
        try:
            connection.request("GET", "/")
            name = connection.getresponse().read().decode()
        except OSError:
            failed += 1
            time.sleep(0.001)  # as any client would, before it tries again
            continue
        finally:
            connection.close()
        now = time.monotonic()
        if name != last_name:
            print(f"{name} {(now - last_time) * 1000:.1f} {failed} {answered}", flush=True)
            last_name, failed, answered = name, 0, 0
        last_time = now
        answered += 1


def say(text):
    """A line of the story."""
    print(f"\n* {text}", flush=True)


class Demo:
    """The story, step by step."""

    def __init__(self):
        self.lab = lab_module.Lab("two")

    def ctl(self, *arguments):
        """Run tandemctl as an operator would, and show it."""
        print(f"  $ tandemctl {' '.join(arguments)}", flush=True)
        done = self.lab.ctl(*arguments)
        print("".join(f"    {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
        if done.returncode != 0:
            raise SystemExit(f"tandemctl failed: {done.stderr}")
        return done.stdout

    def create(self, *arguments):
        """Create an object by tandemctl; return its id."""
        return re.search(r"(lb|rsp)-[0-9a-z]+", self.ctl(*arguments)).group(0)

    def follow(self, watch, want):
        """Wait for the client's word that @want answers."""
        name, gap, failed, answered = watch.stdout.readline().split()
        if name != want:
            raise SystemExit(f"{name} answered instead of {want}")
        return float(gap), int(failed), int(answered)

    def configure(self):
        """Servers, load balancer, group, listener."""
        say("Two servers, a VIP, a primary/secondary group and a listener, checked every 10 ms")
        for name, address in lab_module.SERVERS4.items():
            self.ctl("server", "add", name, address)
        balancer = self.create("lb", "create", "--address", VIP)
        group = self.create(
            "group",
            "create",
            "--lb",
            balancer,
            "--primary",
            "srv1:8080",
            "--secondary",
            "srv2:8080",
        )
        self.ctl(
            *("listener", "create", "--lb", balancer, "--protocol", "tcp", "--port", "80"),
            *("--group", group, "--interval", "10ms", "--timeout", "10ms", "--start"),
        )
        self.lab.healthy()

    def run(self):
        """The whole story."""
        say("Gateway, switch, two nginx servers and a client in namespaces; tandemd on the gateway")
        primary = self.lab.start_nginx("srv1")
        self.lab.start_nginx("srv2")
        self.lab.start_agent()
        self.configure()

        say(f"A client asks http://{VIP}/ again and again, each time on a new connection")
        watch = self.lab.start(
            "client",
            [sys.executable, __file__, "--client", VIP],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.follow(watch, "srv1")
        print("  srv1, the primary, answers", flush=True)
        self.ctl("status")

        say("Under this load the primary is killed (SIGKILL)")
        self.lab.stop(primary, signal.SIGKILL)
        gap, failed, answered = self.follow(watch, "srv2")
        print(f"  srv1 had answered {answered} requests; the first answer of srv2 came")
        print(f"  {gap:.1f} ms after the last of srv1; {failed} requests met the dead server")
        self.ctl("status")

        say("The primary is started again")
        self.lab.start_nginx("srv1")
        gap, failed, answered = self.follow(watch, "srv1")
        print(f"  srv2 had answered {answered} requests; the first answer of srv1 came")
        print(f"  {gap:.1f} ms after the last of srv2; {failed} requests failed")
        self.ctl("status")
        self.lab.stop(watch)

        say("What the XDP program looks at, as bpftool shows it")
        command = ["bpftool", "map", "dump", "pinned", f"{self.lab.pins}/services4"]
        print(f"  $ {' '.join(command)}", flush=True)
        dump = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        print("".join(f"    {line}\n" for line in dump.splitlines()), end="")


def main():
    """Run the demo, or the client that it starts."""
    if sys.argv[1:2] == ["--client"]:
        client(sys.argv[2])
        return
    # An interrupted demo cleans up as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    demo = Demo()
    try:
        demo.run()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        demo.lab.close()
        say("Namespaces, programs and maps are removed")


if __name__ == "__main__":
    main()
