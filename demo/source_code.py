"""Real source code in four languages, found on the machine that trains the demo model.

Every developer's machine holds plenty: Python's standard library and installed packages, torch's
C++ headers, a JDK's `src.zip`, and the packages of node. Each function looks in the conventional
places and says in words what it found.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sysconfig
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = ("python", "java", "cpp", "javascript")
LONGEST_PIECE = 2_500  # characters of one training document; a longer file becomes several
LONGEST_FILE = 400_000  # bytes; beyond that it is a table or a bundle, not something people wrote
PYTHON_PACKAGES = {
    "datasets": "Apache-2.0",
    "numpy": "BSD-3-Clause",
    "pandas": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "streamlit": "Apache-2.0",
    "torch": "BSD-3-Clause",
    "transformers": "Apache-2.0",
}
JAVA_PACKAGES = re.compile(r"java\.base/java/(?:io|lang|math|net|text|time|util)/[\w/]+\.java$")
LICENCE_COMMENT = re.compile(r"\A(?:#!.*\n)?\s*(?:/\*.*?\*/|(?:(?://|#)[^\n]*\n)+)\s*", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class CodeFiles:
    """Source files of one origin: how to read them, and what may be said of them."""

    language: str  # python | java | cpp | javascript
    name: str
    licence: str
    paths: tuple[str, ...]
    read: Callable[[str], bytes]

    def documents(self) -> Iterator[str]:
        """Yield the files in pieces, in an order that depends on nothing but their names."""
        for path in sorted(self.paths, key=_scrambled):
            yield from pieces(self.read(path).decode("utf-8", errors="ignore"))


def _scrambled(path: str) -> bytes:
    return hashlib.sha256(path.encode()).digest()


def _read_file(path: str) -> bytes:
    return Path(path).read_bytes()


def pieces(text: str) -> Iterator[str]:
    """Cut a source file into documents at its blank lines.

    A leading comment that states a licence is left out; so is a piece whose lines are too long to
    have been written by hand.
    """
    header = LICENCE_COMMENT.match(text)
    if header and re.search(r"copyright|licen[cs]e", header.group(), re.IGNORECASE):
        text = text[header.end() :]
    piece = ""
    for block in re.split(r"(?<=\n)\n", text.replace("\r\n", "\n")):
        if piece and len(piece) + len(block) > LONGEST_PIECE:
            yield from _readable(piece)
            piece = ""
        piece = f"{piece}\n{block}" if piece else block
    yield from _readable(piece)


def _readable(piece: str) -> Iterator[str]:
    lines = piece.splitlines()
    if 80 <= len(piece) <= 4 * LONGEST_PIECE and max(map(len, lines)) <= 400:
        yield piece.strip("\n") + "\n"


def _files(folder: Path, endings: Sequence[str], *, skip: Sequence[str] = ()) -> tuple[str, ...]:
    found = []
    for ending in endings:
        for path in folder.rglob(f"*{ending}"):
            parts = path.relative_to(folder).parts
            if not set(parts) & set(skip) and path.is_file() and path.stat().st_size < LONGEST_FILE:
                found.append(str(path))
    return tuple(sorted(found))


def find_python() -> Iterator[CodeFiles]:
    """The standard library and well-known packages of the Python that runs this program."""
    library = Path(sysconfig.get_path("stdlib"))
    skip = ("test", "tests", "site-packages", "dist-packages", "lib2to3", "encodings", "pydoc_data")
    yield CodeFiles(
        language="python",
        name="Python standard library",
        licence="PSF-2.0",
        paths=_files(library, [".py"], skip=skip),
        read=_read_file,
    )
    packages = Path(sysconfig.get_path("purelib"))
    for package, licence in PYTHON_PACKAGES.items():
        if (packages / package).is_dir():
            yield CodeFiles(
                language="python",
                name=f"Python package {package}",
                licence=licence,
                paths=_files(packages / package, [".py"], skip=("tests", "test", "_vendor")),
                read=_read_file,
            )


def find_cpp() -> Iterator[CodeFiles]:
    """The C++ headers that torch installs."""
    headers = Path(sysconfig.get_path("purelib")) / "torch" / "include"
    if headers.is_dir():
        yield CodeFiles(
            language="cpp",
            name="C++ headers of torch",
            licence="BSD-3-Clause",
            paths=_files(headers, [".h", ".hpp"], skip=("ops", "google", "sleef.h")),
            read=_read_file,
        )


def find_java() -> Iterator[CodeFiles]:
    """The `src.zip` of a Java development kit: its `java.` packages."""
    homes = [Path(os.environ["JAVA_HOME"])] if "JAVA_HOME" in os.environ else []
    homes += sorted(Path("/usr/lib/jvm").glob("*"))
    for home in homes:
        archive = home / "lib" / "src.zip"
        if archive.is_file():
            sources = zipfile.ZipFile(archive)
            paths = tuple(
                entry.filename
                for entry in sources.infolist()
                if JAVA_PACKAGES.match(entry.filename)
                and "/invoke/" not in entry.filename
                and entry.file_size < LONGEST_FILE
            )
            yield CodeFiles(
                language="java",
                name="Java class library (a JDK's src.zip)",
                licence="GPL-2.0 with Classpath exception",
                paths=paths,
                read=sources.read,
            )
            return


def find_javascript(folders: Sequence[Path] = ()) -> Iterator[CodeFiles]:
    """The packages of `node_modules` folders: those given, and those that came with npm."""
    places = [*folders, Path("/usr/lib/node_modules"), Path("/usr/share/nodejs")]
    for folder in places:
        for manifest in sorted([*folder.glob("*/package.json"), *folder.glob("@*/*/package.json")]):
            about = json.loads(manifest.read_text(encoding="utf-8"))
            skip = ("test", "tests", "dist", "build", "min")
            paths = [
                path
                for path in _files(manifest.parent, [".js", ".mjs", ".cjs"], skip=skip)
                if not path.endswith((".min.js", ".min.mjs"))
            ]
            if paths:
                yield CodeFiles(
                    language="javascript",
                    name=f"npm package {about.get('name', manifest.parent.name)}",
                    licence=str(about.get("license", "see the package")),
                    paths=tuple(paths),
                    read=_read_file,
                )


def find_code(node_modules: Sequence[Path] = ()) -> list[CodeFiles]:
    """Search the machine for source code of the four languages."""
    found = [*find_python(), *find_java(), *find_cpp(), *find_javascript(node_modules)]
    return [files for files in found if files.paths]


def describe(found: Sequence[CodeFiles]) -> list[str]:
    """Say in words what was found of each language, and where nothing was."""
    lines = []
    for language in LANGUAGES:
        of_language = [files for files in found if files.language == language]
        for licence in sorted({files.licence for files in of_language}):
            origins = [files for files in of_language if files.licence == licence]
            names = ", ".join(files.name for files in origins[:6])
            more = f" and {len(origins) - 6} more" if len(origins) > 6 else ""
            count = sum(len(files.paths) for files in origins)
            lines.append(f"{language}: {names}{more}: {count} files ({licence})")
        if not of_language:
            lines.append(f"{language}: no source code was found on this machine")
    return lines
