"""Pages for a browser: the report of a warehouse, and what became of one file.

A page is one HTML file that needs no network and no JavaScript.
"""
