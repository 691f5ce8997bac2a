"""Bodies of requests to the CloudFront API: bytes → elements, with nothing that XML can do to us.

An XML parser that takes all of XML can be made to fill the memory (entities that stand for ten of
each other, "billion laughs"), to read files and to ask other machines (external entities), and to
run out of stack (nesting). What an API is sent needs none of that, so:

- a document type declaration is refused as soon as it begins. Entities can be declared nowhere
  else, so but for the five of XML itself, and characters by number, there are none;
- elements and their depth are counted, and the reading ends where there are too many. The length
  of the document is bounded by whoever received it;
- a text is a text or a parent of elements, never both.

Expat reads, which Python brings along; it knows namespaces and encodings. Whatever it dislikes is
one error of the API, so that no document is a failure of the gateway.
"""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

from edgegw.cloudfront.api.errors import ApiError, batch_too_large
from edgegw.cloudfront.api.xml_writer import NAMESPACE

MAX_DEPTH: Final = 16
MAX_ELEMENTS: Final = 10_000
_BLANKS: Final = " \t\r\n"


class Element:
    """An element by its name without the namespace. Attributes count for nothing."""

    __slots__ = ("children", "name", "pieces")

    def __init__(self, name: str) -> None:
        self.name = name
        self.pieces: list[str] = []
        self.children: list[Element] = []

    @property
    def text(self) -> str:
        """The text of one that has no elements in it. Raises ApiError."""
        if self.children:
            raise ApiError("MalformedInput", f"Unexpected element in {self.name}")
        return "".join(self.pieces)

    def members(self, *names: str) -> dict[str, Element]:
        """Its elements by name, of which only `names` may be there, each once. Raises ApiError."""
        self._check_no_text()
        members: dict[str, Element] = {}
        for child in self.children:
            if child.name not in names:
                raise ApiError("MalformedInput", f"Unexpected element {child.name} in {self.name}")
            if members.setdefault(child.name, child) is not child:
                raise ApiError("MalformedInput", f"{child.name} stands twice in {self.name}")
        return members

    def items(self, name: str) -> list[str]:
        """The texts of its elements, which are all called `name`. Raises ApiError."""
        return [child.text for child in self.elements(name)]

    def elements(self, name: str) -> list[Element]:
        """Its elements, which are all called `name`. Raises ApiError."""
        if any(child.name != name for child in self.children) or not self._is_blank():
            raise ApiError("MalformedInput", "Unexpected list element termination")
        return self.children

    def _check_no_text(self) -> None:
        if not self._is_blank():
            raise ApiError("MalformedInput", f"Unexpected text in {self.name}")

    def _is_blank(self) -> bool:
        return not "".join(self.pieces).strip(_BLANKS)


def read_document(raw: bytes) -> Element:
    """The root element of `raw`. Raises ApiError.

    Source: CloudFront API Reference, "Making API requests"; the error codes are observed.
    """
    reading = _Reading()
    try:
        reading.parser.Parse(raw, True)  # noqa: FBT003
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise ApiError("MalformedXML", f"The document is not well-formed: {error}") from None
    return reading.root


class _Reading:
    """One document on its way in."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._document = Element("")
        self._open = [self._document]
        self._count = 0

    @property
    def root(self) -> Element:
        """The one element that a well-formed document is."""
        return self._document.children[0]

    def _refuse(self, *_: object) -> None:
        text = "A document type declaration is not accepted, and so no entity either."
        raise ApiError("MalformedXML", text)

    def _start(self, qualified: str, _attributes: dict[str, str]) -> None:
        namespace, _, name = qualified.rpartition(" ")
        if namespace not in ("", NAMESPACE):
            raise ApiError("MalformedXML", f"{name} is of another namespace than {NAMESPACE}")
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise batch_too_large()
        if len(self._open) > MAX_DEPTH:
            raise ApiError("MalformedXML", f"Elements are nested more than {MAX_DEPTH} deep.")
        element = Element(name)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].pieces.append(text)
