"""The ways to shut a program in: each turns "start the launcher" into a command line.

In all of them the launcher (`inside/launcher.py`) is process 1 of its own process namespace, sees
no network and only the files of a view, and runs the program under the same limits and filter.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from analysis.execution.limits import Limits
from analysis.execution.view import INSIDE, LAUNCHER_FOLDER, LAUNCHER_ROOT, host_view

IMAGE_VARIABLE = "SUBMODEL_ATLAS_IMAGE"
IMAGE = "submodel-atlas-programs"
START = (
    f"import sys; sys.path.insert(0, {LAUNCHER_ROOT!r}); "
    "from analysis.execution.inside.launcher import main; main()"
)
DEVICES = ("null", "zero", "full", "random", "urandom")
ASK_SECONDS = 20.0


class Mechanism(Protocol):
    """One way to shut a program in."""

    @property
    def kind(self) -> str:
        """A word that names it: bubblewrap, namespaces, podman, docker."""

    def name(self) -> str:
        """What a person calls it, with its version."""

    def lacking(self) -> str:
        """Why it cannot be tried here, as a sentence; empty if it can."""

    def command(self, limits: Limits) -> list[str]:
        """The command line that starts the launcher shut in."""

    def environment(self) -> dict[str, str]:
        """The environment of the programs."""

    def python(self) -> str:
        """The Python interpreter inside."""


def _host_environment() -> dict[str, str]:
    return {
        "PATH": host_view().search_path,
        "HOME": "/tmp/program",
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
    }


def _launch(python: str) -> list[str]:
    """The launcher's command line inside."""
    return [python, "-I", "-S", "-B", "-c", START]


@dataclass(frozen=True)
class Bubblewrap:
    """bubblewrap, the sandbox of Flatpak (`bwrap`)."""

    kind: str = "bubblewrap"

    def name(self) -> str:
        """ "bubblewrap 0.8.0"."""
        return said(["bwrap", "--version"]) or "bubblewrap"

    def lacking(self) -> str:
        """Empty where `bwrap` is on the path."""
        return "" if shutil.which("bwrap") else "bubblewrap (the command bwrap) is not installed."

    def python(self) -> str:
        """This machine's."""
        return host_view().python

    def environment(self) -> dict[str, str]:
        """Nothing of the caller's."""
        return _host_environment()

    def command(self, limits: Limits) -> list[str]:
        """Every namespace unshared, the view bound read-only, a small tmpfs to write in."""
        command = ["bwrap", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        command += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--as-pid-1"]
        if os.geteuid() == 0:  # the launcher becomes nobody itself
            command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        else:
            command += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
        command += ["--clearenv", "--hostname", "sandbox", "--proc", "/proc"]
        for device in DEVICES:
            command += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
        command += ["--symlink", "/proc/self/fd", "/dev/fd"]
        command += ["--perms", "1777", "--size", str(limits.disk), "--tmpfs", "/tmp"]
        for parent in parents([*(entry.path for entry in host_view().entries), LAUNCHER_FOLDER]):
            command += ["--perms", "0755", "--dir", parent]  # its own would be for root alone
        hidden = []
        for entry in host_view().entries:
            if entry.kind == "hide":
                command += ["--tmpfs", entry.path]
                hidden += ["--remount-ro", entry.path]
            elif entry.kind == "link":
                command += ["--symlink", os.readlink(entry.path), entry.path]
            else:
                command += ["--ro-bind", entry.path, entry.path]
        command += ["--ro-bind", str(INSIDE), LAUNCHER_FOLDER]
        return [
            *command,
            *hidden,
            "--remount-ro",
            "/",
            "--chdir",
            "/tmp",
            "--",
            *_launch(self.python()),
        ]


@dataclass(frozen=True)
class Namespaces:
    """Linux namespaces, made by a small script of this project (`inside/enter.py`)."""

    kind: str = "namespaces"

    def name(self) -> str:
        """ "Linux namespaces (kernel 6.1.0)"."""
        return f"Linux namespaces (kernel {os.uname().release})"

    def lacking(self) -> str:
        """Empty on Linux 5.14 and later."""
        if sys.platform != "linux":
            return "Namespaces exist on Linux only."
        numbers = os.uname().release.split("-")[0].split(".")[:2]
        if tuple(int(number) for number in numbers if number.isdigit()) < (5, 14):
            return f"Namespaces need Linux 5.14 or later, and this is {os.uname().release}."
        return ""

    def python(self) -> str:
        """This machine's."""
        return host_view().python

    def environment(self) -> dict[str, str]:
        """Nothing of the caller's."""
        return _host_environment()

    def command(self, limits: Limits) -> list[str]:
        """The script, with its plan."""
        entries = [[entry.path, entry.kind] for entry in host_view().entries]
        plan = {
            "entries": entries,
            "launcher": [str(INSIDE), LAUNCHER_FOLDER],
            "disk": limits.disk,
            "files": limits.files + 64,
            "environment": self.environment(),
            "command": _launch(self.python()),
        }
        return [self.python(), "-I", "-S", "-B", str(INSIDE / "enter.py"), json.dumps(plan)]


@dataclass(frozen=True)
class Container:
    """A container of Podman or Docker, from an image that holds Python and the compilers."""

    kind: str

    def image(self) -> str:
        """The image's name: SUBMODEL_ATLAS_IMAGE, else "submodel-atlas-programs"."""
        return os.environ.get(IMAGE_VARIABLE) or IMAGE

    def name(self) -> str:
        """ "podman version 4.3.1, image submodel-atlas-programs"."""
        return f"{said([self.kind, '--version']) or self.kind}, image {self.image()}"

    def lacking(self) -> str:
        """Empty where the engine answers and has the image; nothing is downloaded."""
        if shutil.which(self.kind) is None:
            return f"{self.kind} is not installed."
        if said([self.kind, "info"]) is None:
            return f"{self.kind} is installed but does not answer; start it."
        if said([self.kind, "image", "inspect", self.image()]) is None:
            return (
                f"{self.kind} has no image {self.image()}; docs/EXECUTION.md tells how to build it."
            )
        return ""

    def python(self) -> str:
        """The image's."""
        return "python3"

    def environment(self) -> dict[str, str]:
        """The usual search path of images."""
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "HOME": "/tmp/program", "TMPDIR": "/tmp", "LANG": "C.UTF-8"}

    def command(self, limits: Limits) -> list[str]:
        """No network, no capability, a read-only root, and the engine's own limits on top."""
        memory = limits.memory + limits.disk
        user = 10_000 + secrets.randbelow(50_000)  # limits of processes count by user
        return [
            *(self.kind, "run", "--rm", "--interactive", "--pull=never", "--network=none"),
            *("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
            *(f"--user={user}:{user}", f"--pids-limit={limits.processes + 1}"),
            *(f"--memory={memory}", f"--memory-swap={memory}", "--ipc=private"),
            f"--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777,size={limits.disk}",
            f"--volume={INSIDE}:{LAUNCHER_FOLDER}:ro",
            *("--workdir=/tmp", "--entrypoint=python3", self.image(), *_launch("python3")[1:]),
        ]


MECHANISMS: tuple[Mechanism, ...] = (
    Bubblewrap(),
    Namespaces(),
    Container("podman"),
    Container("docker"),
)


def parents(paths: Sequence[str]) -> list[str]:
    """The folders above paths, the outer before the inner; without "/"."""
    above = {parent for path in paths for parent in PurePosixPath(path).parents}
    inner = [parent for parent in above if parent.parts[1:] and str(parent) not in paths]
    return [str(parent) for parent in sorted(inner, key=lambda parent: (len(parent.parts), parent))]


def said(command: list[str]) -> str | None:
    """The first line that a command prints; None where it fails or is not there."""
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=ASK_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return (ran.stdout.strip().splitlines() or [""])[0]
