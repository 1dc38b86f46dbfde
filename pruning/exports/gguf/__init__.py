"""GGUF: an exported sub-model as one file for llama.cpp, Ollama and LM Studio."""
