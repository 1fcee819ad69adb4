"""The page: what was read, drawn and tabulated, put into one HTML file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

import jinja2
from markupsafe import Markup

from harness.paper import reported
from harness.paper.claims import claims
from harness.report import tables
from harness.report.figures import by_variant, style, svg
from harness.report.figures.figure import CaptionedFigure
from harness.report.samples import Gallery
from harness.report.sections import Section
from harness.report.summary import answer
from harness.report.text import audit as text_audit
from harness.verdict import audit
from harness.verdict.study import Study


def page(found: Study, sections: Sequence[Section], gallery: Gallery | None = None) -> bytes:
    """The report as one HTML file that needs nothing from outside.

    Args:
        found: the records and their judgement.
        sections: see `harness.report.sections`.
        gallery: sample predictions, where the dataset is at hand.

    Returns:
        UTF-8; the same bytes for the same arguments.
    """
    styles = svg.Styles()
    rules = found.verdict.rules

    def draw(picture: CaptionedFigure, prefix: str) -> Markup:
        key = f"{prefix}-{picture.name}"
        return Markup(svg.inline(picture.figure, key, picture.alt, styles))

    with style.applied():
        distance = (
            by_variant.distance(found.primary.accuracy, rules) if found.primary.accuracy else None
        )
    audited = audit.audit()
    environment = _environment()
    body = environment.get_template("body.html").render(
        answer=answer(found),
        claim=next(c for c in claims(rules) if c.key == "accuracy"),
        title=reported.TITLE,
        selection=reported.SELECTION,
        found=found,
        distance=distance,
        sections=sections,
        gallery=gallery,
        unknowns=tables.unknowns_table(rules),
        audit=audited,
        audit_sentences=text_audit.sentences(audited),
        draw=draw,
    )
    # The styles of the figures are known only once all of them are drawn.
    css = "\n".join([_colours(), _source("page.css"), styles.css()])
    script = _source("sort.js")
    return (
        environment.get_template("page.html")
        .render(
            word=answer(found).verdict_label,
            css=Markup(css),
            script=Markup(script),
            policy=_policy(css, script),
            body=Markup(body),
        )
        .encode()
    )


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _source(name: str) -> str:
    environment = _environment()
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _colours() -> str:
    """The palette as CSS variables: light, dark where the reader's scheme is, light on paper."""
    light = "".join(f"--{name}:{shade.light};" for name, shade in style.PALETTE.items())
    dark = "".join(f"--{name}:{shade.dark};" for name, shade in style.PALETTE.items())
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    )


def _policy(css: str, script: str) -> str:
    """Nothing may be fetched or run but the page's own style, script and pictures."""

    def own(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; style-src {own(css)}; script-src {own(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
