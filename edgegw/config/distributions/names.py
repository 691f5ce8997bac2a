"""Names of distributions: on AWS each belongs to one of them, whatever port they have here."""

from __future__ import annotations

from edgegw.config.document import Document, KeyPath
from edgegw.config.schema import Config


def check_names(document: Document, config: Config) -> None:
    """No two distributions have an alias or a domain name in common.

    Source: CloudFront Developer Guide, "Use custom URLs by adding alternate domain names (CNAMEs)",
    requirements for using alternate domain names.
    """
    owners: dict[str, tuple[str, KeyPath]] = {}
    for name, distribution in config.distributions.items():
        path: KeyPath = ("distributions", name)
        places: list[tuple[KeyPath, str]] = [
            ((*path, "aliases", at), alias) for at, alias in enumerate(distribution.aliases)
        ]
        if distribution.domain_name is not None:
            places.insert(0, ((*path, "domain_name"), distribution.domain_name))
        for place, given in places:
            owner, first = owners.setdefault(given.lower().removesuffix("."), (name, place))
            if owner != name:
                line, _ = document.place(first)
                text = (
                    f"{given!r} is a name of the distribution {owner!r} (line {line}): CloudFront "
                    "answers CNAMEAlreadyExists, a name belongs to one distribution"
                )
                document.error(place, "cloudfront.alias-taken", text)
