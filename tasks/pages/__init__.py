"""Markup: HTML and Markdown become blocks, and say things of themselves."""
