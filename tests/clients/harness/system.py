"""A node that is a whole system of its own: what it changes lies in memory over the system that is there, and goes with it.

Files, mounts, processes, the name and the machine id are its own (Linux namespaces, an overlay); the network is the test's. Each start
is a boot of its own. It needs root and the right to mount; `why_not()` says what is missing."""

import functools
import os
import pathlib
import subprocess
import tempfile

SCRIPT = r"""
set -eu
system=$1; shift
mount -t tmpfs tmpfs "$system"
mkdir "$system/upper" "$system/work" "$system/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$system/upper,workdir=$system/work" "$system/root"
cat /proc/sys/kernel/random/uuid >"$system/boot"
cd "$system/root"
rm -f etc/machine-id
printf %s "$system" | md5sum | cut -c1-32 >etc/machine-id
mount -t proc proc proc
mount --bind "$system/boot" proc/sys/kernel/random/boot_id
while [ "$1" != -- ]; do mkdir -p "./$1"; mount --rbind "$1" "./$1"; shift; done
shift
# Its first process buries the dead, as an init does.
exec chroot . sh -c '"$@" & wait' init "$@"
"""
SPACES = ["--mount", "--uts", "--ipc", "--pid"]


def enter(folder, *folders):
    """What stands before a program so that it runs in a system of its own that lies in `folder`."""
    shared = {"/sys", "/dev", tempfile.gettempdir(), *(str(f) for f in folders)}
    unshare = ["unshare", *SPACES, "--fork", "--kill-child", "--propagation", "private"]
    return [*unshare, "sh", "-c", SCRIPT, "system", str(folder), *sorted(shared), "--"]


@functools.cache
def why_not():
    """What keeps one from being made here, or nothing."""
    if os.geteuid() != 0:
        return "needs root"
    with tempfile.TemporaryDirectory(prefix="roadstead-system-") as folder:
        tried = subprocess.run([*enter(folder), "true"], capture_output=True, text=True)
    return tried.returncode and f"no system of its own can be made: {tried.stderr.strip()[-200:]}"


class OwnSystem:
    def __init__(self, hub, name, env=None):
        folder = hub.folder / name
        self.root = folder / "system"
        self.root.mkdir(parents=True)
        self.packages_from = None
        self.agent = hub.join(name, prefix=enter(self.root, pathlib.Path(hub.binary).parent), env=env)

    @property
    def node(self):
        return self.agent.node

    def path(self, inside):
        """Where a path of it lies for the test."""
        return pathlib.Path(f"/proc/{self.agent.pid}/root{self.root}/root{inside}")

    def run(self, *argv):
        """Runs a program in it, to look at something."""
        init = pathlib.Path(f"/proc/{self.agent.pid}/task/{self.agent.pid}/children").read_text().split()[0]
        argv = ["nsenter", "--target", init, *SPACES, "--root", "--wd", *argv]
        done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def stand_in(self, name, script):
        """A program of that name before all others."""
        program = self.path(f"/usr/local/sbin/{name}")
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program
