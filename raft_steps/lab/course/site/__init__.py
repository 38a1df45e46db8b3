"""The course as a site of static files: a book of the notebooks whose players play their recorded runs.

`recorded_runs.py` runs the notebooks and keeps what each player shows; `pages.py` turns a notebook into a page;
`sources.py` writes all that Sphinx needs, and `book.py` lets Sphinx make the site of it. The folder `assets` has
Sphinx's settings, and the scripts of the pages.
"""
