"""Small programming tasks: one representation, rendered in Python, Java, C++ and JavaScript."""

from demo.texts.programs.stream import documents, tasks

__all__ = ["documents", "tasks"]
