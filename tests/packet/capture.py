# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Have real programs talk, and write what they said into a pcap file for fuzz_frames.

client 203.0.113.7 ---- router ---- server 192.0.2.10 (as the VIP), 198.51.100.11 (as a server)
2001:db8:ffff::7        MTU 1500 | MTU 1300   2001:db8::10, 2001:db8:2::11

The addresses and ports are those of the packet tests' lab, so that its services meet the frames.
They are captured at the router, on the client's side and on the server's.
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

CLIENT = ("203.0.113.7", "2001:db8:ffff::7")
SERVER = ("192.0.2.10", "2001:db8::10", "198.51.100.11", "2001:db8:2::11")
NAMES = {name: f"tdcap-{name}-{os.getpid()}" for name in ("client", "router", "server")}
OFFLOADS = ("tx", "tso", "gso", "gro")


def run(*command, check=True, **options):
    return subprocess.run(
        command, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


def inside(name, *command, **options):
    return run("ip", "netns", "exec", NAMES[name], *command, **options)


def start(name, *command):
    return subprocess.Popen(
        ("ip", "netns", "exec", NAMES[name], *command),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_until(condition, why, timeout=10):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"capture: {why}: not within {timeout} s")
        time.sleep(0.02)


def wire(side, mtu):
    """One end of a veth pair in the namespace of side, the other one in the router's."""
    run("ip", "link", "add", side, "netns", NAMES["router"], "mtu", str(mtu), "type", "veth",
        "peer", "name", "eth0", "netns", NAMES[side], "mtu", str(mtu))  # fmt: skip
    for name, device in (("router", side), (side, "eth0")):
        inside(name, "ip", "link", "set", device, "up")
        for offload in OFFLOADS:
            inside(name, "ethtool", "-K", device, offload, "off", check=False)


def address(name, device, *addresses):
    for one in addresses:
        bits = "128" if ":" in one else "32"
        inside(name, "ip", "addr", "add", f"{one}/{bits}", "dev", device, *nodad(one))


def nodad(one):
    return ("nodad",) if ":" in one else ()


def network():
    for name in NAMES.values():
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
    inside("router", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    wire("client", 1500)
    wire("server", 1300)
    address("router", "client", "10.0.0.1", "2001:db8:aaaa::1")
    address("router", "server", "10.0.0.2", "2001:db8:aaaa::2")
    address("client", "eth0", *CLIENT)
    address("server", "eth0", *SERVER)
    for side, own in (("client", CLIENT), ("server", SERVER)):
        for one in own:
            inside("router", "ip", "route", "add", one, "dev", side)
        inside(side, "ip", "route", "add", "10.0.0.0/24", "dev", "eth0")
        inside(side, "ip", "route", "add", "2001:db8:aaaa::/64", "dev", "eth0")
        gateway = ("10.0.0.1", "2001:db8:aaaa::1")
        if side == "server":
            gateway = ("10.0.0.2", "2001:db8:aaaa::2")
        inside(side, "ip", "route", "add", "default", "via", gateway[0], "src", own[0])
        inside(side, "ip", "-6", "route", "add", "default", "via", gateway[1], "src", own[1])


def nginx(folder):
    listens = "".join(
        f"listen {one if ':' not in one else '[' + one + ']'}:{port};"
        for one, port in zip(SERVER, (80, 80, 8080, 8080))
    )
    (folder / "index.html").write_text("tandem\n" * 3000)
    for name in ("body", "proxy", "fastcgi", "uwsgi", "scgi"):
        (folder / name).mkdir()
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; user root; error_log /dev/null; pid {folder}/pid; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; {temporary}\n"
        f"server {{ {listens} root {folder}; }} }}\n"
    )
    return start("server", "nginx", "-c", f"{folder}/nginx.conf")


def tls(folder):
    files = (f"{folder}/key", f"{folder}/certificate")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
        "/CN=tandem", "-keyout", files[0], "-out", files[1])  # fmt: skip
    return start("server", "openssl", "s_server", "-accept", "8443", "-www", "-key", files[0],
                 "-cert", files[1], "-quiet")  # fmt: skip


def dns():
    return start("server", "dnsmasq", "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts",
                 "--address=/example/192.0.2.99", "--address=/example/2001:db8::99",
                 "--edns-packet-max=4096", "--txt-record=long.example," + "x" * 250)  # fmt: skip


def listening(port, kind):
    return lambda: f":{port} " in inside("server", "ss", "-Hn" + kind + "l").stdout


# Datagrams of a size each to a port, answered by others; and some that are too long for a frame, or
# for the way, or have too little time to live.
TALK = """
import socket, sys
role, family, there, here = sys.argv[1:5]
sizes = [int(size) for size in sys.argv[6:]]
sock = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(0.2)
sock.bind((here, int(sys.argv[5]) if role == "answer" else 0))
if role == "answer":
    sock.settimeout(None)
    while True:
        data, peer = sock.recvfrom(65535)
        sock.sendto(data, peer)
discover = {"4": (socket.IPPROTO_IP, 10), "6": (socket.IPPROTO_IPV6, 23)}[family]
hops = {"4": (socket.IPPROTO_IP, 2), "6": (socket.IPPROTO_IPV6, 16)}[family]
for size in sizes:
    sock.setsockopt(*discover, 2 if 1300 < size <= 1472 else 0)
    sock.setsockopt(*hops, 1 if size == 77 else 64)
    try:
        sock.sendto(bytes(i % 251 for i in range(size)), (there, int(sys.argv[5])))
        sock.recvfrom(65535)
    except OSError:
        pass
"""
SIZES = [str(size) for size in (0, 1, 33, 77, 512, 1200, 1252, 1350, 1400, 1472, 2000, 5000)]


def talk(there, port):
    """QUIC and SIP are datagrams to the program, whose headers are all it knows."""
    family, here = ("6", CLIENT[1]) if ":" in there else ("4", CLIENT[0])
    answer = start("server", sys.executable, "-c", TALK, "answer", family, here, there, str(port))
    wait_until(listening(port, "u"), f"UDP port {port}")
    inside("client", sys.executable, "-c", TALK, "ask", family, there, here, str(port), *SIZES)
    stop(answer)
    # Nobody is there any more: port unreachable.
    inside("client", sys.executable, "-c", TALK, "ask", family, there, here, str(port), "33", "600")


def tunnels():
    kinds = (
        ("gre1", "gre", "local", CLIENT[0], "remote", SERVER[0]),
        ("ipip1", "ipip", "local", CLIENT[0], "remote", SERVER[0]),
        ("vx1", "vxlan", "id", "7", "dstport", "4789", "local", CLIENT[0], "remote", SERVER[0]),
    )
    for number, (name, kind, *rest) in enumerate(kinds):
        made = inside("client", "ip", "link", "add", name, "type", kind, *rest, check=False)
        if made.returncode != 0:
            print(f"capture: no {kind} here: {made.stdout.strip()}", file=sys.stderr)
            continue
        inside("client", "ip", "addr", "add", f"172.31.{number}.1/24", "dev", name)
        inside("client", "ip", "link", "set", name, "up")
        if kind == "vxlan":
            inside("client", "ip", "neigh", "add", "172.31.2.2", "lladdr", "02:00:00:00:00:09",
                   "dev", name)  # fmt: skip
        inside("client", "ping", "-c", "3", "-i", "0.1", "-W", "0.1", "-s", "600",
               f"172.31.{number}.2", check=False)  # fmt: skip


def traffic(folder):
    for one, port in zip(SERVER, (80, 80, 8080, 8080)):
        where = f"[{one}]" if ":" in one else one
        inside("client", "curl", "-s", "-o", "/dev/null", f"http://{where}:{port}/index.html")
        inside("client", "curl", "-s", "-o", "/dev/null", "-T", f"{folder}/index.html",
               f"http://{where}:{port}/put", check=False)  # fmt: skip
        inside("client", "curl", "-sk", "-o", "/dev/null", f"https://{where}:8443/")
        inside("client", "curl", "-s", f"http://{where}:81/", check=False)
        for name in ("a.example", "long.example TXT", "nobody.invalid"):
            inside("client", "dig", "+tries=1", "+time=1", f"@{one}", *name.split(), check=False)
        inside("client", "ping", "-c", "2", "-i", "0.1", "-s", "2500", one)
        for udp in (443, 4433, 5060):
            talk(one, udp)
    tunnels()


def sniff(device, path):
    sniffer = subprocess.Popen(
        (
            "ip",
            "netns",
            "exec",
            NAMES["router"],
            "tcpdump",
            "-i",
            device,
            "-U",
            "-s",
            "0",
            "-w",
            path,
        ),
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in sniffer.stderr:
        if "listening" in line:
            return sniffer
    sys.exit(f"capture: tcpdump does not listen on {device}")


def stop(process):
    process.send_signal(signal.SIGINT)
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER, where client.pcap and server.pcap are written")
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    running = []
    with tempfile.TemporaryDirectory(prefix="tdcap-") as name:
        folder = pathlib.Path(name)
        try:
            network()
            sniffers = [sniff(side, f"{folder}/{side}.pcap") for side in ("client", "server")]
            running += sniffers + [nginx(folder), tls(folder), dns()]
            for port, kind in ((80, "t"), (8080, "t"), (8443, "t"), (53, "u")):
                wait_until(listening(port, kind), f"port {port}")
            traffic(folder)
        finally:
            for process in running:
                stop(process)
            for namespace in NAMES.values():
                run("ip", "netns", "del", namespace, check=False)
        for side in ("client", "server"):
            (out / f"{side}.pcap").write_bytes((folder / f"{side}.pcap").read_bytes())


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("capture: ended"))
    main()
