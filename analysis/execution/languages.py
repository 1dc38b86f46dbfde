"""The four languages: their files and commands, and which compilers and runtimes there are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from analysis.execution.limits import MEBIBYTE, Limits
from analysis.execution.sandbox import Sandbox, run_program
from analysis.execution.view import host_view
from pruning.errors import AtlasError, InputError

LABELS = {"python": "Python", "java": "Java", "cpp": "C++", "javascript": "JavaScript"}
TOOLS: dict[str, tuple[str, ...]] = {
    "python": ("python",),
    "java": ("javac", "java"),
    "cpp": ("g++",),
    "javascript": ("node",),
}
PACKAGES = {
    "java": "a Java development kit (Debian and Ubuntu: apt install default-jdk-headless)",
    "cpp": "the GNU C++ compiler (Debian and Ubuntu: apt install g++)",
    "javascript": "Node.js (Debian and Ubuntu: apt install nodejs)",
    "python": "Python 3",
}
JAVA_MAIN = re.compile(r"\bclass\s+(\w+)|\bpublic\s+static\s+void\s+main\b")
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
ASK_VERSIONS = """\
import json, subprocess, sys
found = {"python": "Python " + sys.version.split()[0]}
for tool in ("javac", "java", "g++", "node"):
    try:
        ran = subprocess.run([tool, "--version"], capture_output=True, text=True)
        found[tool] = ran.stdout.strip().splitlines()[0] if ran.returncode == 0 else ""
    except (OSError, IndexError):
        found[tool] = ""
print(json.dumps(found))
"""


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """What a language needs. versions: what each tool says of itself; empty: it is not there."""

    language: str
    versions: Mapping[str, str]
    left_out: Mapping[str, str]

    @property
    def available(self) -> bool:
        """Whether programs of the language can be run."""
        return all(self.versions.values())

    @property
    def sentence(self) -> str:
        """The versions, or what is missing and how to get it."""
        label = LABELS[self.language]
        if self.available:
            return f"{label}: {', '.join(self.versions.values())}."
        tools = [tool for tool, version in self.versions.items() if not version]
        reasons = [self.left_out[tool] for tool in tools if tool in self.left_out]
        if reasons:
            return f"{label} programs cannot be run: {'; '.join(reasons)}."
        return (
            f"{label} programs need {' and '.join(tools)}, which the sandbox does not have; "
            f"install {PACKAGES[self.language]}."
        )


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The files and commands of one program."""

    files: Mapping[str, str]
    commands: Sequence[Sequence[str]]


@cache
def toolchains(sandbox: Sandbox) -> dict[str, Toolchain]:
    """Every language with the versions that the sandbox offers, asked inside it."""
    outcome = run_program(
        sandbox,
        {"ask.py": ASK_VERSIONS},
        [["{python}", "-I", "ask.py"]],
        Limits(seconds=60),
    )
    if not outcome.passed:
        raise AtlasError(
            f"The sandbox ({sandbox.name}) cannot run Python: {outcome.stderr[-200:]}."
        )
    found: dict[str, str] = json.loads(outcome.stdout)
    left_out = {} if sandbox.kind in ("podman", "docker") else host_view().left_out
    return {
        language: Toolchain(
            language=language,
            versions={tool: found[tool] for tool in tools},
            left_out=left_out,
        )
        for language, tools in TOOLS.items()
    }


def require_language(sandbox: Sandbox, language: str) -> None:
    """InputError for an unknown language, or one whose compiler or runtime is missing."""
    if language not in LABELS:
        raise InputError(
            f"Programs in {language!r} cannot be run; the languages are {', '.join(LABELS)}."
        )
    toolchain = toolchains(sandbox)[language]
    if not toolchain.available:
        raise InputError(toolchain.sentence)


def recipe(language: str, text: str, limits: Limits) -> Recipe:
    """How a program's text is compiled and run. InputError for Java without a main method."""
    if language == "python":
        return Recipe(files={"main.py": text}, commands=[["{python}", "-I", "-B", "main.py"]])
    if language == "javascript":
        heap = f"--max-old-space-size={limits.memory // 2 // MEBIBYTE}"
        command = ["node", heap, "--stack-size=900", "main.js"]
        return Recipe(files={"main.js": text}, commands=[command])
    if language == "cpp":
        compiling = ["g++", "-std=c++20", "-O0", "-w", "main.cpp", "-o", "main"]
        return Recipe(files={"main.cpp": text}, commands=[compiling, ["./main"]])
    main = java_main(text)
    return Recipe(files={f"{main}.java": text}, commands=java_commands(main, [main], limits))


def java_commands(main: str, classes: Sequence[str], limits: Limits) -> list[list[str]]:
    """Compile the classes' files, and run one; with heaps of half the memory limit."""
    heap = f"{min(512 * MEBIBYTE, limits.memory // 2) // MEBIBYTE}m"
    compiler = [f"-J{option}" for option in (f"-Xmx{heap}", *JVM)]
    sources = [f"{name}.java" for name in classes]
    run = ["java", f"-Xmx{heap}", "-Xss16m", "-XX:MaxMetaspaceSize=128m", *JVM]
    return [
        ["javac", *compiler, "-nowarn", "-proc:none", "-encoding", "UTF-8", "-d", ".", *sources],
        [*run, "-enableassertions", "-cp", ".", main],
    ]


def java_main(text: str) -> str:
    """The class that holds the main method: the last one named before it."""
    last = ""
    for found in JAVA_MAIN.finditer(text):
        if found[1] is None:
            break
        last = found[1]
    else:
        last = ""
    if not last:
        raise InputError(
            "The Java program has no class with a method `public static void main`, "
            "so there is nothing to run."
        )
    return last
