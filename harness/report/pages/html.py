"""Render the report as one HTML file."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from harness.paper import reported
from harness.paper.claims import claims
from harness.protocol import decision
from harness.report import sections
from harness.report.answer import answer
from harness.report.drawings import Drawings
from harness.report.figures import style
from harness.report.samples import Gallery
from harness.report.tables import background
from harness.report.text import audit as text_audit
from harness.verdict import audit
from harness.verdict.study import Study

_TEMPLATES = Path(__file__).resolve().parents[1] / "templates"

_BACKTICKS = re.compile(r"`([^`]*)`")


def page(study: Study, drawings: Drawings, gallery: Gallery | None = None) -> bytes:
    """Render the report as one self-contained HTML file.

    Args:
        study: the records and their verdict.
        drawings: its figures.
        gallery: sample predictions, None if there are none to show.

    Returns:
        The page in UTF-8; the same bytes for the same arguments.
    """
    rules = study.verdict.rules
    audit_result = audit.audit()
    environment = _environment()
    found = answer(study)
    body = environment.get_template("body.html").render(
        answer=found,
        claim=next(c for c in claims(rules) if c.key == "accuracy"),
        title=reported.TITLE,
        selection=reported.SELECTION,
        study=study,
        drawings=drawings,
        sections=sections.sections(study),
        gallery=gallery,
        assumptions=background.assumptions_table(rules),
        audit=audit_result,
        audit_sentences=text_audit.sentences(audit_result),
        data_uri=style.data_uri,
        decision_sha256=decision.sha256(),
    )
    css, script = ((_TEMPLATES / name).read_bytes().decode() for name in ("page.css", "sort.js"))
    return (
        environment.get_template("page.html")
        .render(
            label=found.label,
            css=Markup(css),
            script=Markup(script),
            policy=_content_security_policy(css, script),
            body=Markup(body),
        )
        .encode()
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = _inline_code
    return environment


def _inline_code(text: str) -> Markup:
    """Escape a sentence and mark what stands in backticks as code."""
    return Markup(_BACKTICKS.sub(r"<code>\1</code>", str(escape(text))))


def _content_security_policy(css: str, script: str) -> str:
    """Return a Content-Security-Policy that allows only the page's own style, script and images."""

    def source_hash(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; style-src {source_hash(css)}; script-src {source_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
