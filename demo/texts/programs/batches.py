"""Compiles and runs many test programs of one language together.

Each batch function takes the programs' texts, an empty folder and the seconds that each program
may take, and returns for each program "" (passed), what went wrong, or None (the compiler blames
it: to be tried alone, since an error may spill over from a neighbour).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from demo.texts.programs.sandbox import run

JAVAC = ("javac", "-nowarn", "-proc:none", "-Xmaxerrs", "100000", "-J-Xmx1g")
JAVA = ("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
GPP = ("g++", "-std=c++20", "-O0", "-w")
NODE = ("node", "--max-old-space-size=512", "--stack-size=900")
COMPILE_S = 300.0
ROUNDS = 8
CPP_CHUNK = 100

PYTHON_RUNNER = """\
import json, os, signal, sys
seconds = float(sys.argv[1])
answers = []
for text in json.load(open("programs.json")):
    child = os.fork()
    if child == 0:
        os.dup2(os.open("said.txt", os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 2)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            exec(compile(text, "program", "exec"), {"__name__": "__main__"})
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    said = open("said.txt").read()[-400:] if status else ""
    answers.append("" if status == 0 else said or f"wait status {status}")
json.dump(answers, open("answers.json", "w"))
"""

NODE_RUNNER = """\
const fs = require("fs");
const vm = require("vm");
const timeout = 1000 * Number(process.argv[2]);
const answers = JSON.parse(fs.readFileSync("programs.json")).map((text) => {
  try {
    vm.runInNewContext(text, {}, { timeout });
    return "";
  } catch (error) {
    return String(error).slice(0, 400);
  }
});
fs.writeFileSync("answers.json", JSON.stringify(answers));
"""

JAVA_RUNNER = """\
import java.io.*;
import java.lang.reflect.*;
import java.util.concurrent.*;

public class Runner {
    static String attempt(String name) {
        try {
            Method main = Class.forName(name).getDeclaredMethod("main", String[].class);
            main.setAccessible(true);
            main.invoke(null, (Object) new String[0]);
            return "";
        } catch (InvocationTargetException error) {
            return String.valueOf(error.getCause());
        } catch (Throwable error) {
            return String.valueOf(error);
        }
    }

    public static void main(String[] arguments) throws Exception {
        long limit = (long) (1000 * Double.parseDouble(arguments[0]));
        PrintStream out = new PrintStream(new FileOutputStream("answers.txt"));
        for (int i = 1; i < arguments.length; i++) {
            String name = "p" + arguments[i] + ".Main";
            FutureTask<String> task = new FutureTask<>(() -> attempt(name));
            Thread thread = new Thread(null, task, name, 16 << 20);
            thread.setDaemon(true);
            thread.start();
            String answer;
            try {
                answer = task.get(limit, TimeUnit.MILLISECONDS);
            } catch (TimeoutException error) {
                answer = "no answer in time";
            }
            out.println(arguments[i] + " " + answer.lines().findFirst().orElse(""));
        }
        out.close();
        Runtime.getRuntime().halt(0);
    }
}
"""

CPP_MAIN = """\
#include <cstdio>
#include <csignal>
#include <sys/wait.h>
#include <sys/time.h>
#include <unistd.h>
int main(int, char** argv) {{
    itimerval limit{{}};
    limit.it_value.tv_sec = static_cast<long>(std::atof(argv[1])) + 1;
    struct Entry {{ int number; int (*main)(); }};
    const Entry entries[] = {{{entries}}};
    std::FILE* out = std::fopen("answers.txt", "w");
    for (const Entry& entry : entries) {{
        std::fflush(out);
        const pid_t child = fork();
        if (child == 0) {{
            setitimer(ITIMER_REAL, &limit, nullptr);
            _exit(entry.main());
        }}
        int status = 0;
        waitpid(child, &status, 0);
        std::fprintf(out, "%d %s\\n", entry.number, status == 0 ? "" : "a test failed, or it crashed");
    }}
    std::fclose(out);
}}
"""


def _interpreted(runner: str, name: str, command: tuple[str, ...], memory: int | None) -> Batch:
    """Make the batch function of a language that needs no compiler."""

    def batch(texts: list[str], folder: Path, timeout_s: float) -> list[str | None]:
        (folder / name).write_text(runner)
        (folder / "programs.json").write_text(json.dumps(texts))
        total = 60 + timeout_s * len(texts)
        ran = run([*command, name, str(timeout_s)], folder, timeout_s=total, memory=memory)
        answers = folder / "answers.json"
        return (
            json.loads(answers.read_text())
            if answers.exists() and ran.status == 0
            else [None] * len(texts)
        )

    return batch


def _java(texts: list[str], folder: Path, timeout_s: float) -> list[str | None]:
    (folder / "Runner.java").write_text(JAVA_RUNNER)
    for index, text in enumerate(texts):
        (folder / f"p{index}").mkdir()
        (folder / f"p{index}" / "Main.java").write_text(f"package p{index};\n{text}")
    alive = set(range(len(texts)))
    for _ in range(ROUNDS):
        names = [f"p{index}/Main.java" for index in sorted(alive)]
        (folder / "sources.txt").write_text("\n".join(["Runner.java", *names]))
        ran = run([*JAVAC, "-d", "out", "@sources.txt"], folder, timeout_s=COMPILE_S, memory=None)
        blamed = {int(n) for n in re.findall(r"^p(\d+)/Main\.java:\d+: error", ran.errors, re.M)}
        if ran.status == 0 or not blamed:
            break
        alive -= blamed
    if ran.status != 0:
        return [None] * len(texts)
    command = [*JAVA, "-cp", "out", "Runner", str(timeout_s), *map(str, sorted(alive))]
    run(command, folder, timeout_s=60 + timeout_s * len(texts), memory=None)
    return _answers(folder, len(texts))


def _cpp(texts: list[str], folder: Path, timeout_s: float) -> list[str | None]:
    found: list[str | None] = []
    for start in range(0, len(texts), CPP_CHUNK):
        inner = folder / str(start)
        inner.mkdir()
        found += _cpp_chunk(texts[start : start + CPP_CHUNK], inner, timeout_s)
    return found


def _cpp_chunk(texts: list[str], folder: Path, timeout_s: float) -> list[str | None]:
    """Compile programs into one, each in a namespace, and run each in a process."""
    alive = set(range(len(texts)))
    for _ in range(ROUNDS):
        (folder / "all.cpp").write_text(_cpp_source(texts, alive))
        ran = run([*GPP, "all.cpp", "-o", "all"], folder, timeout_s=COMPILE_S, memory=None)
        blamed = {int(n) for n in re.findall(r"^p(\d+):\d+:.*error", ran.errors, re.M)} & alive
        if ran.status == 0 or not blamed:
            break
        alive -= blamed
    if ran.status == 0:
        run(["./all", str(timeout_s)], folder, timeout_s=60 + (timeout_s + 1) * len(texts))
    return _answers(folder, len(texts))


def _cpp_source(texts: list[str], alive: set[int]) -> str:
    """Write the programs that are still in as one source text."""
    heads, bodies = [], []
    for index in sorted(alive):
        lines = texts[index].split("\n")
        heads += [line for line in lines if line.startswith("#include")]
        rest = "\n".join("" if line.startswith("#include") else line for line in lines)
        bodies.append(f'#line 1 "p{index}"\nnamespace p{index} {{\n{rest}\n}}\n')
    entries = ", ".join(f"{{{index}, p{index}::main}}" for index in sorted(alive))
    main = '#line 1 "runner"\n' + CPP_MAIN.format(entries=entries)
    return "\n".join([*dict.fromkeys(heads), *bodies, main])


def _answers(folder: Path, count: int) -> list[str | None]:
    """Read the lines "number answer" that a runner wrote."""
    answers: list[str | None] = [None] * count
    path = folder / "answers.txt"
    for line in path.read_text().splitlines() if path.exists() else ():
        number, _, answer = line.partition(" ")
        answers[int(number)] = answer
    return answers


Batch = Callable[[list[str], Path, float], list[str | None]]
BATCHES: dict[str, Batch] = {
    "python": _interpreted(PYTHON_RUNNER, "runner.py", (sys.executable, "-I"), 4 << 30),
    "javascript": _interpreted(NODE_RUNNER, "runner.js", NODE, None),
    "java": _java,
    "cpp": _cpp,
}
