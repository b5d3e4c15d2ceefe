"""The HTML of an estimator, as notebooks show it: a caption, and a link to its page.

scikit-learn draws it. It asks for the class attributes ``_doc_link_module`` and
``_doc_link_template``, and for ``_sk_visual_block_``, of which it reads attributes.
"""

from types import SimpleNamespace

# Where the site of the documentation is published.
SITE = "https://sksoftmax.readthedocs.io/en/stable/"


class PageLinkMixin:
    """The link to the page of a public class."""

    _doc_link_module = "sksoftmax"
    _doc_link_template = SITE + "generated/{estimator_module}.{estimator_name}.html"


class CaptionMixin(PageLinkMixin):
    """The caption below the name of a fitted estimator, as its ``_caption`` gives it."""

    def _sk_visual_block_(self):
        return SimpleNamespace(
            kind="single",
            estimators=self,
            names=type(self).__name__,
            name_details=str(self),
            name_caption=self._caption() if hasattr(self, "n_features_in_") else None,
            doc_link_label=None,
            dash_wrapped=True,
        )
