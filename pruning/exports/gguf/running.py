"""How a person runs a GGUF file."""

from __future__ import annotations

MODELFILE = "Modelfile"


def run_lines(name: str, file: str, chat: bool) -> tuple[str, str]:
    """How to run the file: with llama.cpp, and with Ollama. chat: it has a chat template."""
    program = f"llama-cli -m {file}" if chat else f'llama-completion -m {file} -n 128 -p "…"'
    return program, f"ollama create {name.lower()} -f {MODELFILE} && ollama run {name.lower()}"
