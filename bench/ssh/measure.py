#!/usr/bin/env python3
"""SSH through Custos, direct, and through OpenSSH's own ProxyJump, side by side in one run.

Each round measures every way once, one after the other, so that what else the machine does meets all of them. Medians are
printed, and ratios of each round's own figures; floors are those of the design. Client, gateway and server share the machine.
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

WAYS = ["direct", "gateway", "jump"]
MEGABYTES = 256
OPTIONS = [
    "-F", "none",
    "-o", "StrictHostKeyChecking=no",
    "-o", "UserKnownHostsFile=/dev/null",
    "-o", "LogLevel=ERROR",
    "-o", "IdentitiesOnly=yes",
]


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


class Rig:
    """A server, a gateway before it, and how each way leads there."""

    def __init__(self, place, durability):
        self.place = place
        self.custos = os.environ["CUSTOS_BIN"]
        self.server_port, self.gateway_port = free_port(), free_port()
        self.processes = []
        self.environment = dict(os.environ)
        for key in ["host", "id"]:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / key], check=True)
        self.start_server()
        self.start_gateway(durability)

    def start(self, arguments):
        log = open(self.place / "log", "ab")
        self.processes.append(subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        return self.processes[-1]

    def start_server(self):
        place = self.place
        (place / "sshd").write_text(
            f"Port {self.server_port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nPidFile none\n"
            f"AuthorizedKeysFile {place}/id.pub\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
            "MaxStartups 100\nMaxSessions 64\nSubsystem sftp /usr/lib/openssh/sftp-server\n"
        )
        self.start(["/usr/sbin/sshd", "-D", "-e", "-f", place / "sshd"])
        wait_for(self.server_port)

    def start_gateway(self, durability):
        place = self.place
        (place / "custos.toml").write_text(
            f'cluster = "bench"\nnode = "n"\nstate_dir = "{place}/state"\nevidence_dir = "{place}/evidence"\n'
            f'admin_socket = "{place}/admin.sock"\n[log]\nlevel = "warn"\n'
            f'[[listener]]\nname = "ssh"\nprotocol = "ssh"\naddress = "127.0.0.1:{self.gateway_port}"\n'
            '[[access]]\nname = "all"\nprincipals = ["*"]\nresources = ["*"]\n'
        )
        self.gateway = self.start([self.custos, "serve", "--config", place / "custos.toml"])
        wait_for(self.gateway_port)
        self.environment["CUSTOS_SOCKET"] = str(place / "admin.sock")
        account = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        self.account = account
        key = " ".join((place / "host.pub").read_text().split()[:2])
        self.command([
            "resource", "add", "ssh/web1", "--host", "127.0.0.1", "--port", str(self.server_port), "--account", account,
            "--key-file", place / "id", "--host-key", key, "--durability", durability,
        ])
        issued = self.command(["credential", "issue", "--principal", "alice", "--resource", "ssh/web1", "--format", "json"])
        answer = place / "answer"
        answer.write_text("#!/bin/sh\necho \"$CUSTOS_SECRET\"\n")
        answer.chmod(0o700)
        self.environment |= {
            "SSH_ASKPASS": str(answer),
            "SSH_ASKPASS_REQUIRE": "force",
            "CUSTOS_SECRET": json.loads(issued)["secret"],
        }

    def command(self, arguments):
        done = subprocess.run([self.custos, *arguments], env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        return done.stdout

    def client(self, program, way, options=()):
        """A client's command line, and the host behind it."""
        port = "-P" if program == "sftp" else "-p"
        direct = ["-i", str(self.place / "id")]
        server = f"{self.account}@127.0.0.1"
        ways = {
            "direct": ([*direct, port, str(self.server_port)], server),
            "gateway": ([port, str(self.gateway_port)], "alice+web1@127.0.0.1"),
            "jump": ([
                *direct, port, str(self.server_port), "-o",
                "ProxyCommand=ssh " + " ".join([*OPTIONS, *direct, "-p", str(self.server_port), "-W", "%h:%p", server]),
            ], server),
        }
        arguments, host = ways[way]
        return [program, *OPTIONS, *options, *arguments], host

    def seconds(self, command, **streams):
        began = time.monotonic()
        # Into a file: a client that goes into the background keeps a pipe open.
        with open(self.place / "errors", "w+") as errors:
            done = subprocess.run(command, env=self.environment, stderr=errors, stdout=subprocess.DEVNULL, **streams)
            if done.returncode != 0:
                errors.seek(0)
                sys.exit(f"{command}: {errors.read()}")
        return time.monotonic() - began

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


def run(rig, way, what, data):
    """Seconds of one measurement."""
    ssh, host = rig.client("ssh", way)
    if what == "connect":
        return rig.seconds([*ssh, host, "true"], stdin=subprocess.DEVNULL)
    if what == "over ControlMaster":
        socket_path = rig.place / f"master-{way}"
        master = ["-o", f"ControlPath={socket_path}"]
        ssh, host = rig.client("ssh", way, master)
        if not socket_path.exists():
            rig.seconds([*ssh, "-MNf", host], stdin=subprocess.DEVNULL)
        return rig.seconds([*ssh, host, "true"], stdin=subprocess.DEVNULL)
    kind, direction = what.rsplit(" ", 1)
    file = data[kind.split(" ")[-1]]
    if kind.startswith("exec"):
        if direction == "down":
            return rig.seconds([*ssh, host, f"cat {file}"], stdin=subprocess.DEVNULL)
        with open(file, "rb") as stream:
            return rig.seconds([*ssh, host, "cat >/dev/null"], stdin=stream)
    sftp, host = rig.client("sftp", way, ["-o", "BatchMode=no", "-b", "-"])
    there = rig.place / "there"
    batch = f"get {file} {there}\n" if direction == "get" else f"put {file} {there}\n"
    took = rig.seconds([*sftp, host], input=batch.encode())
    there.unlink()
    return took


# What is measured, and the floors: the gateway's speed by that of a direct connection and of ProxyJump.
MEASURED = {
    "connect": (None, 1.0),
    "over ControlMaster": (None, None),
    "exec random down": (0.8, 1.4),
    "exec random up": (0.8, 1.4),
    "exec zeros down": (0.8, 1.4),
    "exec zeros up": (0.8, 1.4),
    "sftp random get": (0.8, 1.4),
    "sftp random put": (0.8, 1.4),
}


HEAD = f"""# Performance of SSH

Written by `bench/ssh/run --write docs/performance-ssh.md`; do not edit.

Each round measures every way once, one after the other: direct, through the gateway (which records everything), and through
OpenSSH's own ProxyJump. Medians of the rounds; ratios are medians of each round's own. {MEGABYTES} MiB each time, random bytes or zeros; what
programs write and read is recorded whole, files over sftp by name, size and digest. Client, gateway and server share the machine, so that
whatever the gateway does is taken from the others.

"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--durability", choices=["buffered", "strict"], default="buffered")
    parser.add_argument("--write", help="a file that gets the table, with what it is")
    parser.add_argument("--only", default="", help="what contains this text")
    arguments = parser.parse_args()
    what = [name for name in MEASURED if arguments.only in name]
    with tempfile.TemporaryDirectory(prefix="custos-bench-ssh-") as directory:
        rig = Rig(pathlib.Path(directory), arguments.durability)
        try:
            data = {name: rig.place / name for name in ["random", "zeros"]}
            data["random"].write_bytes(os.urandom(MEGABYTES << 20))
            data["zeros"].write_bytes(bytes(MEGABYTES << 20))
            took = {name: {way: [] for way in WAYS} for name in what}
            for _ in range(arguments.rounds):
                for name in what:
                    for way in WAYS:
                        took[name][way].append(run(rig, way, name, data))
            status = pathlib.Path(f"/proc/{rig.gateway.pid}/status").read_text()
            for way in WAYS:
                if (rig.place / f"master-{way}").exists():
                    ssh, host = rig.client("ssh", way, ["-o", f"ControlPath={rig.place}/master-{way}", "-O", "exit"])
                    rig.seconds([*ssh, host])
        finally:
            rig.stop()
    text = report(took, arguments, status)
    print(text)
    if arguments.write:
        pathlib.Path(arguments.write).write_text(HEAD + text)


def report(took, arguments, status):
    model = next(line for line in open("/proc/cpuinfo") if line.startswith("model name")).split(":")[1].strip()
    version = subprocess.run(["ssh", "-V"], capture_output=True, text=True).stderr.split(",")[0].strip()
    lines = [
        f"{model}, {os.cpu_count()} processors for all; {version}; durability `{arguments.durability}`; "
        f"{arguments.rounds} rounds.\n",
        "| what | direct | gateway | ProxyJump | gateway by direct | floor | gateway by ProxyJump | floor |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, ways in took.items():
        is_bulk = MEASURED[name][0] is not None
        shown = []
        for way in WAYS:
            seconds = statistics.median(ways[way])
            shown.append(f"{MEGABYTES / seconds:.0f} MiB/s" if is_bulk else f"{seconds * 1000:.0f} ms")
        for peer, floor in zip(["direct", "jump"], MEASURED[name]):
            ratio = statistics.median(peer / own for peer, own in zip(ways[peer], ways["gateway"]))
            verdict = "" if floor is None else f"{floor} " + ("met" if ratio >= floor else "missed")
            shown += [f"{ratio:.2f}", verdict]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    lines.append(f"\nThe gateway's memory at its peak: {int(peak.split()[1]) >> 10} MiB.\n")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
