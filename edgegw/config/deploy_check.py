"""What AWS would refuse at deployment: the part of `check` that `--deploy` adds.

What a start warns of as well is judged once, with the severity of the document's stage.
"""

from __future__ import annotations

from pathlib import Path

from edgegw.cloudfront.rule_table import STRICT_OFF
from edgegw.config.balancers.deploy_rules import check_balancer_deployment
from edgegw.config.distributions.deploy_rules import check_distribution_deployment
from edgegw.config.document import Document
from edgegw.config.functions.deploy_rules import check_function_deployment
from edgegw.config.schema import Config


def check_deployment(document: Document, config: Config, base: Path) -> None:
    """Adds what AWS would refuse or ignore to the findings of `document`."""
    if not config.gateway.strict:
        text = "strict is false: results that AWS refuses pass here"
        document.warning(("gateway", "strict"), STRICT_OFF.code, text)
    check_balancer_deployment(document, config)
    check_function_deployment(document, config, base)
    check_distribution_deployment(document, config)
