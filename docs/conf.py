"""How Sphinx builds these pages: ``python -m sphinx -W -n docs build/docs``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import rnnlab

project = "rnnlab"
author = "The rnnlab contributors"
version = release = rnnlab.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "numpydoc", "sphinx_design", "_sphinx"]
exclude_patterns = ["_sphinx", "experiments.md"]  # which is told on the pages that are made of it
nb_execution_mode = "off"  # notebooks are kept with their outputs, which the tests compare
nb_code_prompt_show, nb_code_prompt_hide = "Solution", "Hide the solution"  # of cells that exercises.ipynb hides
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
myst_url_schemes = {"http": None, "https": None, "page": "{{path}}#{{fragment}}"}

autodoc_typehints = "none"  # shapes, units and types stand in the docstrings
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
linkcheck_timeout = 20
linkcheck_ignore = [r".*-page\.html"]  # copied beside the pages when these are built
nb_mime_priority_overrides = [("linkcheck", "image/png", 1)]

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["look.css"]
html_show_sourcelink = False
html_copy_source = False
html_domain_indices = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": True,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
copyright = author
