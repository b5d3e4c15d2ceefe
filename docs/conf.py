"""Configuration of the site: ``python -m sphinx -W -b html docs OUT``, without a network."""

import re
import sys
from pathlib import Path

import sksoftmax

sys.path.insert(0, str(Path(__file__).parent))  # Sphinx and sphinx-gallery import the extensions

project = "sksoftmax"
author = "The sksoftmax developers"
copyright = author
version = release = sksoftmax.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
    "sphinx_design",
    "_extensions.mathml",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "tests", "auto_examples/*.ipynb", "auto_examples/*.py"]
nitpicky = False
# A page for each public name: generated/sksoftmax.SoftmaxRegression.html, and so on.
autosummary_generate = True
# A file system that ignores case would take the two pages for one.
autosummary_filename_map = {"sksoftmax.metrics.Reliability": "sksoftmax.metrics.Reliability-class"}
autodoc_default_options = {"members": True, "inherited-members": "tuple"}
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"
numpydoc_show_class_members = False  # the template of classes lists them
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False

myst_enable_extensions = ["colon_fence", "deflist", "attrs_block"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"^(?!plot_)\w+\.py$",  # scripts without a figure have a page of their own
    "within_subsection_order": "_extensions.gallery_order.by_reading_order",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sksoftmax",),
    "reference_url": {"sksoftmax": None},
    "image_srcset": ["2x"],
    "capture_repr": (),
    "abort_on_example_error": True,
    "show_signature": False,
    "min_reported_time": 10**6,  # how long this machine took is of no interest
    "write_computation_times": False,
    "remove_config_comments": True,
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_math_renderer = "mathml"
html_context = {"default_mode": "auto"}  # the colours that the reader's system prefers
html_theme = "pydata_sphinx_theme"
html_title = f"sksoftmax {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/logo.svg"
html_show_sourcelink = False
html_use_index = False  # the reference and the search list all names
html_theme_options = {
    "logo": {
        "text": "sksoftmax",
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo.svg",
    },
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "show_toc_level": 2,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "back_to_top_button": False,
}
ALONE = ("index", "getting-started", "api", "benchmarks", "auto_examples/index")
html_sidebars = {page: [] for page in ALONE}

# Methods inherited from scikit-learn refer to its glossary and guide, of which no index is at hand.
ELSEWHERE = re.compile(r":(?:ref|term|class|func|meth|mod):`~?\.?([^`<]*?)(?: <[^`>]*>)?`")
# "X : array of shape (n_features_in_,)", where reStructuredText would read a link.
TYPE = re.compile(r"^([*\w, ]+ : )(.*)$")
TRAILING_UNDERSCORE = re.compile(r"(?<=\w)_(?!\w)")


def plain_docstring(app, what, name, thing, options, lines):
    """Turn scikit-learn's cross-references into their text, and keep underscores in types."""
    if (getattr(thing, "__module__", None) or "").startswith("sklearn"):
        lines[:] = [ELSEWHERE.sub(r"\1", line) for line in lines]
    for number, line in enumerate(lines):
        if match := TYPE.match(line):
            lines[number] = match[1] + TRAILING_UNDERSCORE.sub(r"\_", match[2])


def without_last_line(app, name, source):
    """Doctest needs an empty line at the end of a block of code; readers don't."""
    source[0] = source[0].replace("\n\n```\n", "\n```\n")


def setup(app):
    app.connect("source-read", without_last_line)
    app.connect("autodoc-process-docstring", plain_docstring, priority=400)
