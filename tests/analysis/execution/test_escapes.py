"""The sandbox keeps its promises: each test tries to break one of them from inside."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from analysis.execution import Limits, Sandbox, run_program
from tests.analysis.sandboxed import MIB, SMALL, printed_only, python, sandbox_or_skip

pytestmark = pytest.mark.program


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return sandbox_or_skip()


def test_files_of_the_person_are_out_of_sight(sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret")
    places = [str(secret), str(Path(__file__)), "/etc/shadow", "/etc/hostname", "/etc/passwd"]
    places += [str(Path.home() / ".ssh"), str(Path.home() / ".bashrc"), "/proc/1/root/etc/hostname"]
    outcome = python(
        sandbox,
        f"""
        import os
        for place in {places!r}:
            try:
                print(os.listdir(place) if os.path.isdir(place) else open(place).read())
            except OSError as error:
                print(type(error).__name__)
        """,
    )
    assert printed_only(outcome, "FileNotFoundError", "PermissionError"), outcome


def test_of_the_home_folder_only_installed_programs_show(sandbox: Sandbox) -> None:
    outcome = python(
        sandbox,
        f"""
        import os
        home = {str(Path.home())!r}
        for folder, folders, files in os.walk(home):
            tools = os.environ["PATH"].split(":")
            folders[:] = [
                name for name in folders if os.path.join(folder, name, "bin") not in tools
            ]
            print(*files)
        """,
    )
    assert printed_only(outcome), outcome.stdout


def test_a_link_leads_nowhere(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("a secret")
    outcome = python(
        sandbox,
        f"""
        import os
        os.symlink({str(tmp_path)!r}, "out")
        os.symlink("/proc/1/cwd", "first")
        for place in ("out/secret.txt", "first/secret.txt", "../../../..{tmp_path}/secret.txt"):
            try:
                print(open(place).read())
            except OSError as error:
                print(type(error).__name__)
        """,
    )
    assert printed_only(outcome, "FileNotFoundError", "PermissionError"), outcome


def test_the_environment_is_empty(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "a-secret-token")
    outcome = python(
        sandbox,
        """
        import os
        print(sorted(os.environ))
        for place in ("/proc/1/environ", "/proc/self/environ"):
            try:
                print(open(place).read())
            except OSError:
                pass
        """,
    )
    assert outcome.passed
    assert "secret" not in outcome.stdout
    assert "HF_TOKEN" not in outcome.stdout


def test_no_network_not_even_to_this_machine(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        outcome = python(
            sandbox,
            f"""
            import socket
            for family, address in (
                (socket.AF_INET, ("127.0.0.1", {server.getsockname()[1]})),
                (socket.AF_INET, ("1.1.1.1", 53)),
                (socket.AF_INET6, ("::1", 80)),
                (socket.AF_VSOCK, (2, 1024)),
                (socket.AF_UNIX, "\\0abstract"),
                (socket.AF_UNIX, "/var/run/docker.sock"),
            ):
                try:
                    with socket.socket(family) as each:
                        each.settimeout(1)
                        each.connect(address)
                    print("connected", address)
                except OSError:
                    print("refused")
            """,
        )
    assert printed_only(outcome, "refused"), outcome


def test_other_processes_are_out_of_sight(sandbox: Sandbox) -> None:
    outcome = python(
        sandbox,
        f"""
        import os
        print(len([name for name in os.listdir("/proc") if name.isdigit()]) <= 2)
        for name in ("mem", "environ", "maps", "fd/0", "fd/1"):
            try:
                open("/proc/1/" + name, "rb").read(1)
                print("read", name)
            except OSError:
                print(True)
        try:
            os.kill({os.getpid()} if {os.getpid()} > 9 else 99, 0)
            print("seen")
        except ProcessLookupError:
            print(True)
        """,
    )
    assert printed_only(outcome, "True"), outcome


def test_nothing_outside_its_folder_can_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    folders = ["/", "/usr", "/etc", "/dev", "/launcher", "/proc/sys/kernel", "/home", str(tmp_path)]
    outcome = python(
        sandbox,
        f"""
        import os
        for folder in {folders!r}:
            try:
                open(os.path.join(folder, "escaped"), "w").write("x")
                print("wrote", folder)
            except OSError:
                pass
        open("mine", "w").write("x")
        """,
    )
    assert printed_only(outcome), outcome
    assert not list(tmp_path.iterdir())


def test_the_filter_refuses_ways_out(sandbox: Sandbox) -> None:
    outcome = python(
        sandbox,
        """
        import ctypes, errno, os
        libc = ctypes.CDLL(None, use_errno=True)
        tries = {
            "unshare": lambda: libc.unshare(0x10000000),
            "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
            "ptrace": lambda: libc.ptrace(16, 1, 0, 0),
            "memfd": lambda: libc.memfd_create(b"x", 0),
            "shm": lambda: libc.shmget(0, 4096, 0o1600),
            "chroot": lambda: libc.chroot(b"/tmp"),
            "setuid": lambda: libc.setuid(0),
            "limits of others": lambda: libc.prlimit(1, 9, None, ctypes.create_string_buffer(16)),
        }
        for name, attempt in tries.items():
            if attempt() != -1:
                print(name)
        """,
    )
    assert printed_only(outcome), outcome


def test_a_fork_bomb_stays_small_and_ends(sandbox: Sandbox) -> None:
    outcome = python(
        sandbox,
        """
        import os, sys, time
        made = 0
        while True:
            try:
                if os.fork() == 0:
                    time.sleep(60)
                made += 1
            except OSError:
                break
        print(made)
        """,
    )
    assert outcome.passed, outcome
    assert 1 <= int(outcome.stdout) < SMALL.processes


def test_a_bomb_that_never_stops_runs_out_of_time(sandbox: Sandbox) -> None:
    text = """
    import os
    while True:
        try:
            os.fork()
        except OSError:
            pass
    """
    quick = Limits(seconds=0.5, memory=128 * MIB, processes=8)
    assert python(sandbox, text, quick).status in ("timeout", "out of memory")


def test_a_program_that_hangs_runs_out_of_time(sandbox: Sandbox) -> None:
    quick = Limits(seconds=0.3)
    assert python(sandbox, "import time\ntime.sleep(60)", quick).status == "timeout"
    assert python(sandbox, "while True: pass", quick).status == "timeout"


@pytest.mark.parametrize(
    "text",
    [
        "held = []\nwhile True: held.append(bytearray(1 << 22))",
        "held = bytearray(1 << 40)",
        "import mmap\nheld = mmap.mmap(-1, 1 << 32)\nwhile True: held.write(b'x' * (1 << 20))",
        # 12 processes of 40 MiB each: every one within its limit, all together not
        "import os, time\nfor n in range(12):\n"
        "    if os.fork() == 0:\n        held = b'x' * (40 << 20)\n        time.sleep(60)\n"
        "time.sleep(60)",
    ],
    ids=["piecewise", "at once", "shared", "by many processes"],
)
def test_memory_without_end(sandbox: Sandbox, text: str) -> None:
    assert python(sandbox, text).status == "out of memory"


@pytest.mark.parametrize(
    "text",
    [
        "with open('big', 'wb') as file:\n    while True: file.write(b'x' * 65536)",
        "import itertools\nfor n in itertools.count():\n    open(f'{n}', 'wb').write(b'x' * 65536)",
        "import itertools\nfor n in itertools.count(): open(f'/tmp/{n}', 'w').close()",
    ],
    ids=["one file", "many files", "empty files"],
)
def test_the_disk_cannot_be_filled(sandbox: Sandbox, text: str) -> None:
    outcome = python(sandbox, text)
    assert outcome.status in ("disk full", "failed")
    if outcome.status == "failed":
        assert "No space left" in outcome.stderr or "File too large" in outcome.stderr


def test_gigabytes_of_output_are_cut_off(sandbox: Sandbox) -> None:
    outcome = python(sandbox, "import os\nwhile True: os.write(1, b'x' * 65536)")
    assert outcome.status == "too much output"
    assert len(outcome.stdout) <= SMALL.output


def test_a_daemon_is_dead_afterwards(sandbox: Sandbox, tmp_path: Path) -> None:
    """It would go on for a minute; the run returns at once, and no process has its mark."""
    mark = f"daemon-{os.getpid()}-{tmp_path.name}"
    outcome = python(
        sandbox,
        f"""
        import os, sys, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)", {mark!r}])
            os._exit(0)
        time.sleep(0.3)
        print("started")
        """,
    )
    assert outcome.stdout == "started\n"
    assert mark not in "".join(map(_command_line, Path("/proc").glob("[0-9]*/cmdline")))


def _command_line(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def test_a_daemon_does_not_outlive_the_compiling(sandbox: Sandbox) -> None:
    files = {
        "one.py": "import os, time\nif os.fork() == 0:\n    time.sleep(60)",
        "two.py": "import os\nprint([n for n in os.listdir('/proc') if n.isdigit()])",
    }
    outcome = run_program(sandbox, files, [["{python}", "one.py"], ["{python}", "two.py"]], SMALL)
    assert len(outcome.stdout.split()) == 2, outcome


def test_the_first_process_cannot_be_killed(sandbox: Sandbox) -> None:
    outcome = python(
        sandbox,
        """
        import os, signal
        for number in range(1, 65):
            for process in (1, os.getppid()):
                try:
                    os.kill(process, number)
                except OSError:
                    pass
        if os.fork() == 0:
            signal.pause()
        os.kill(-1, signal.SIGKILL)  # all but itself and the first
        print("alive", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    assert (outcome.status, outcome.code, outcome.stdout) == ("failed", 9, "alive\n")
