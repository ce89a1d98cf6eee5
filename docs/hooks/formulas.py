"""Turns TeX formulas into pictures while the site is built.

`pymdownx.arithmatex` marks formulas; matplotlib, which knows enough TeX for ours, draws them. So
the site needs no script, font or network to show them. A formula that matplotlib cannot read ends
the build with an error that names it. A number in a table is not parted from its error.
"""

import base64
import html as html_entities
import io
import re
from functools import cache
from typing import Any

import matplotlib as mpl
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser, math_to_image
from mkdocs.exceptions import PluginError

FONT_SIZE = 10  # points; one em of the picture
MARKED = re.compile(
    r'<(?P<tag>div|span) class="arithmatex">\\[\[(](?P<tex>.*?)\\[\])]</(?P=tag)>', re.DOTALL
)
CELL = re.compile(r"<td[^>]*>[^<]*")
# What matplotlib lacks, among it the thin spaces around operators, and what says the same there.
REPLACED = (
    (re.compile(r"\\[td]?frac\s*(\w)\s*(\w)"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\tfrac"), r"\\frac"),
    (re.compile(r"\\[lr]vert\b"), "|"),
    (re.compile(r"\\[lr]Vert\b"), r"\\|"),
    (re.compile(r"\\sum_(?:\w|\{[^}]*\})"), r"\g<0>\\,"),
    (re.compile(r"\\(?:ln|log|max|min)\b(?!_)"), r"\\,\g<0>\\,"),
    (re.compile(r"\s+"), " "),
)


def on_page_content(html: str, **_: Any) -> str:
    """Replace every marked formula of a page, and the spaces around ± in its tables."""
    html = CELL.sub(
        lambda cell: cell[0].replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"), html
    )
    return MARKED.sub(_to_picture, html)


def _to_picture(match: re.Match[str]) -> str:
    tex = html_entities.unescape(match["tex"]).strip()
    picture = f'<img class="formula" alt="{html_entities.escape(tex)}" {_attributes(tex)}>'
    return f'<p class="formula">{picture}</p>' if match["tag"] == "div" else picture


@cache
def _attributes(tex: str) -> str:
    """Source and size of the picture; its baseline is the text's."""
    drawn = tex
    for pattern, replacement in REPLACED:
        drawn = pattern.sub(replacement, drawn)
    font, file = FontProperties(size=FONT_SIZE, math_fontfamily="cm"), io.BytesIO()
    # A fixed salt, so that the same formula gives the same identifiers; no background, since pages
    # are dark at night.
    with mpl.rc_context({"svg.hashsalt": "baal", "savefig.transparent": True}):
        try:
            size = MathTextParser("path").parse(f"${drawn}$", dpi=72, prop=font)
            math_to_image(f"${drawn}$", file, prop=font, format="svg")
        except ValueError as error:
            raise PluginError(f"matplotlib cannot draw the formula {tex!r}: {error}") from error
    width, _, depth = (round(points / FONT_SIZE, 3) for points in size[:3])
    source = base64.b64encode(file.getvalue()).decode("ascii")
    style = f"width: {width}em; vertical-align: -{depth}em"
    return f'src="data:image/svg+xml;base64,{source}" style="{style}"'
