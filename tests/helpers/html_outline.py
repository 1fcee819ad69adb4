"""A parsed HTML page whose tags a test can search."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_EMPTY = {"meta", "link", "img", "br", "hr", "input", "path", "use", "rect"}


@dataclass
class Tag:
    """One element: its name, attributes, text (with that of what is in it) and parent."""

    name: str
    attributes: dict[str, str | None]
    parent: Tag | None
    text: str = ""
    inside: list[Tag] = field(default_factory=list)

    def find(self, *names: str) -> list[Tag]:
        """This element and its descendants that have one of these names, in order."""
        matches = [self] if self.name in names else []
        return matches + [tag for child in self.inside for tag in child.find(*names)]

    def all(self) -> list[Tag]:
        """This element and all its descendants."""
        return [self, *(tag for child in self.inside for tag in child.all())]

    def get(self, name: str) -> str:
        """An attribute, "" where it is missing."""
        return self.attributes.get(name) or ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Tag("document", {}, None)
        self._open = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Tag(tag, dict(attrs), self._open)
        self._open.inside.append(element)
        if tag not in _EMPTY:
            self._open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.inside.append(Tag(tag, dict(attrs), self._open))

    def handle_endtag(self, tag: str) -> None:
        if tag in _EMPTY:
            return
        assert self._open.name == tag, f"</{tag}> closes <{self._open.name}>"
        assert self._open.parent is not None
        self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        tag: Tag | None = self._open
        while tag is not None:
            tag.text += data
            tag = tag.parent


def parse_page(page: str) -> Tag:
    """Parse a page and return its root; fail if tags are not nested correctly."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.root is reader._open, f"<{reader._open.name}> is not closed"
    return reader.root
