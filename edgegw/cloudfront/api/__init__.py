"""The CloudFront API (REST-XML, version 2020-05-31) as values: requests read, answers written.

`xml_reader` and `xml_writer` know XML, `errors` the codes; `paging` cuts lists; `invalidations` and
`distributions` say what the operations take and answer. Which invalidations there are, and what
they remove, is the gateway's affair.
"""

from typing import Final

API_PATH: Final = "/2020-05-31/"
"""Where the paths of the API begin.

Source: CloudFront API Reference, "Making API requests".
"""
