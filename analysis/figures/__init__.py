"""Plotly figures from plain data. Every figure comes with the table that it draws."""
