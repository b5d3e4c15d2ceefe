"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network."""

import re

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

# Brackets of MathML stretch by themselves, and docutils does not know LaTeX's commands for it.
SIZES = re.compile(r"\\[bB]igg?[lrm]?(?![a-zA-Z])")


def mathml(node, **options):
    return tex2mathml(SIZES.sub("", node.astext()).replace(r"\_", "_"), **options)


def inline(writer, node):
    writer.body.append(mathml(node))
    raise SkipNode


def block(writer, node):
    writer.body.append(writer.starttag(node, "div", CLASS="math"))
    writer.body.append(mathml(node, as_block=True))
    writer.body.append("</div>\n")
    raise SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
