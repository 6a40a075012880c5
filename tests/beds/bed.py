"""What the beds share: root, packages, a folder that is left as it was found."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "clients"))
sys.dont_write_bytecode = True


def say(text):
    print(f"==> {text}", flush=True)


def run(*argv, **options):
    return subprocess.run([str(a) for a in argv], check=True, **options)


def prepare(**commands):
    """Root, and each command there: `prepare(nft="nftables")` installs the package when the command is missing."""
    if os.geteuid() != 0:
        sys.exit("this bed needs root")
    missing = [package for command, package in commands.items() if not any(shutil.which(command.replace("_", c)) for c in "_.-")]
    if missing:
        say(f"installing {' '.join(missing)}")
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdout=subprocess.DEVNULL)  # fmt: skip


@contextlib.contextmanager
def folder(name):
    """A temporary folder; whatever is mounted below it is unmounted at the end."""
    path = pathlib.Path(tempfile.mkdtemp(prefix=f"roadstead-bed-{name}-"))
    try:
        yield path
    finally:
        with open("/proc/mounts") as f:
            mounts = [line.split()[1] for line in f]
        for mount in sorted((m for m in mounts if m.startswith(f"{path}/")), reverse=True):
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(path, ignore_errors=True)
