"""Tools for the tests of pictures: they parse a drawing."""

import xml.etree.ElementTree as ET

from raft_steps.lab.pictures.svg import Picture


def parse(svg: str) -> ET.Element:
    """Parse a drawing; raise an error if it is not well-formed."""
    return ET.fromstring(svg)  # noqa: S314 (the drawing is our own)


def texts(picture: Picture) -> list[str]:
    """Return the texts in a picture."""
    return [element.text or "" for element in parse(picture.svg).iter() if element.tag.endswith("}text")]


def classes(picture: Picture) -> list[str]:
    """Return the classes of the elements that are not text."""
    return [element.get("class", "") for element in parse(picture.svg).iter() if not element.tag.endswith("}text")]


def names(svg: str) -> set[str]:
    """Return the names of the elements of a drawing."""
    return {element.tag.partition("}")[2] for element in parse(svg).iter()}
