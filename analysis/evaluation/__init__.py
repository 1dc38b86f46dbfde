"""How good a masked model still is: likelihood of held-out text, and tasks."""
