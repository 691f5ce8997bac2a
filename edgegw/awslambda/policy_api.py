"""AddPermission, RemovePermission and GetPolicy: what they are asked, and what they answer.

Each function, version and alias has a policy of its own, which begins with its first statement.
Changes answer the function as it is afterwards, or raise ServiceError.

Source: Lambda API Reference, "AddPermission", "RemovePermission", "GetPolicy"; texts as recorded.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, cast, get_args

from edgegw.awslambda.http_events.model import AuthType
from edgegw.awslambda.model import LATEST, FunctionRef
from edgegw.awslambda.names import Account
from edgegw.awslambda.payload import Json, as_text
from edgegw.awslambda.permissions import EVERYBODY, INVOKE_URL, Statement
from edgegw.awslambda.service_errors import ServiceError, constraint, invalid
from edgegw.awslambda.versions import Deployed

MAX_POLICY: Final = 20_480
"""Bytes of a policy.

Source: Lambda Developer Guide, "Lambda quotas", resource-based policy.
"""
MAX_STATEMENT_ID: Final = 100
"""Characters of a statement's id.

Source: Lambda API Reference, "AddPermission", StatementId.
"""
_RULES: Final[Mapping[str, str]] = {
    "StatementId": r"([a-zA-Z0-9-_]+)",
    "Action": r"(lambda:[*]|lambda:[a-zA-Z]+|[*])",
    "Principal": r"[^\s]+",
    "SourceArn": r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:"
    r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)",
    "SourceAccount": r"\d{12}",
    "EventSourceToken": r"[a-zA-Z0-9._\-]+",
    "PrincipalOrgID": r"o-[a-z0-9]{10,32}",
}
"""What the members of AddPermission must match.

Source: Lambda API Reference, "AddPermission", request body.
"""
_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?|[a-z0-9-]+\.alexa\.com")
_ACCOUNT: Final = re.compile(r"\d{12}")
_USER: Final = re.compile(r"arn:aws[a-zA-Z-]*:(iam|sts)::\d{12}:.+")


def add_permission(
    deployed: Deployed, ref: FunctionRef, body: Mapping[str, Json], account: Account
) -> tuple[Deployed, Statement]:
    """The function with the statement that a request asks for, and that statement.

    Source: Lambda API Reference, "AddPermission".
    """
    qualifier = _policy_qualifier(ref)
    statement = _statement(body, qualifier)
    policy = deployed.policy or ()
    own = [known for known in policy if known.qualifier == qualifier]
    _check_revision(body.get("RevisionId"), deployed, ref, account)
    if any(known.sid == statement.sid for known in own):
        raise ServiceError(
            "ResourceConflictException",
            f"The statement id ({statement.sid}) provided already exists. Please provide a new "
            "statement id, or remove the existing statement.",
        )
    changed = replace(deployed, policy=(*policy, statement))
    size = len(_document(changed, ref, account))
    if size > MAX_POLICY:
        text = f"The final policy size ({size}) is bigger than the limit ({MAX_POLICY})."
        raise ServiceError("PolicyLengthExceededException", text)
    return changed, statement


def remove_permission(
    deployed: Deployed, ref: FunctionRef, sid: str, revision: str | None, account: Account
) -> Deployed:
    """The function without the statement `sid`; what was lets nobody in then, were it the last.

    Source: Lambda API Reference, "RemovePermission"; recorded answers.
    """
    qualifier = _policy_qualifier(ref)
    policy = deployed.policy or ()
    if not any(known.qualifier == qualifier for known in policy):
        text = "No policy is associated with the given resource."
        raise ServiceError("ResourceNotFoundException", text)
    _check_revision(revision, deployed, ref, account)
    left = tuple(known for known in policy if (known.sid, known.qualifier) != (sid, qualifier))
    if len(left) == len(policy):
        text = f"Statement {sid} is not found in resource policy."
        raise ServiceError("ResourceNotFoundException", text)
    return replace(deployed, policy=left)


def get_policy(deployed: Deployed, ref: FunctionRef, account: Account) -> dict[str, Json]:
    """The policy of what `ref` names. Raises ServiceError where it has none.

    Source: Lambda API Reference, "GetPolicy"; recorded answers.
    """
    document = _document(deployed, ref, account)
    if not document:
        text = "The resource you requested does not exist."
        raise ServiceError("ResourceNotFoundException", text)
    return {"Policy": document, "RevisionId": _revision(document)}


def statement_text(statement: Statement, ref: FunctionRef, account: Account) -> str:
    """A statement as AddPermission answers it: JSON text."""
    return json.dumps(_shown(statement, ref, account), separators=(",", ":"))


def _document(deployed: Deployed, ref: FunctionRef, account: Account) -> str:
    """The policy as JSON text, empty without a statement."""
    shown = [
        _shown(statement, ref, account)
        for statement in deployed.policy or ()
        if statement.qualifier == _policy_qualifier(ref)
    ]
    if not shown:
        return ""
    policy = {"Version": "2012-10-17", "Id": "default", "Statement": shown}
    return json.dumps(policy, separators=(",", ":"))


def _revision(document: str) -> str:
    digest = hashlib.sha256(document.encode()).hexdigest()
    return "-".join(
        (digest[:8], digest[8:12], f"4{digest[13:16]}", f"8{digest[17:20]}", digest[20:32])
    )


def _check_revision(given: Json, deployed: Deployed, ref: FunctionRef, account: Account) -> None:
    if given is not None and given != _revision(_document(deployed, ref, account)):
        raise ServiceError(
            "PreconditionFailedException",
            "The RevisionId provided does not match the latest RevisionId. Call the GetPolicy API "
            "to retrieve the latest RevisionId",
        )


def _policy_qualifier(ref: FunctionRef) -> str:
    if ref.qualifier == LATEST:
        raise invalid("We currently do not support adding policies for $LATEST.")
    return ref.qualifier


# A request


def _statement(body: Mapping[str, Json], qualifier: str) -> Statement:
    sid, action, principal = (
        _member(body, name, needed=True) for name in ("StatementId", "Action", "Principal")
    )
    if len(sid) > MAX_STATEMENT_ID:
        rule = f"Member must have length less than or equal to {MAX_STATEMENT_ID}"
        raise constraint(sid, "statementId", rule)
    _check_principal(principal)
    auth_type = body.get("FunctionUrlAuthType")
    if auth_type is not None and auth_type not in get_args(AuthType):
        rule = f"Member must satisfy enum value set: [{', '.join(get_args(AuthType))}]"
        raise constraint(as_text(auth_type), "functionUrlAuthType", rule)
    if auth_type is not None and action != INVOKE_URL:
        raise invalid(f"FunctionUrlAuthType is only supported for {INVOKE_URL} action")
    via_url = body.get("InvokedViaFunctionUrl")
    if via_url is not None and not isinstance(via_url, bool):
        raise constraint(as_text(via_url), "invokedViaFunctionUrl", "Member must be a boolean")
    return Statement(
        principal=principal,
        source_arn=_member(body, "SourceArn"),
        qualifier=qualifier,
        sid=sid,
        action=action,
        source_account=_member(body, "SourceAccount"),
        url_auth_type=cast("str", auth_type or ""),
        via_url=bool(via_url),
        token=_member(body, "EventSourceToken"),
        organization=_member(body, "PrincipalOrgID"),
    )


def _member(body: Mapping[str, Json], name: str, *, needed: bool = False) -> str:
    given, field = body.get(name), name[:1].lower() + name[1:]
    if given is None and not needed:
        return ""
    if not isinstance(given, str):
        raise ServiceError(
            "ValidationException",
            f"1 validation error detected: Value null at '{field}' failed to satisfy constraint: "
            "Member must not be null",
        )
    if re.fullmatch(_RULES[name], given) is None:
        rule = f"Member must satisfy regular expression pattern: {_RULES[name]}"
        raise constraint(given, field, rule)
    return given


def _check_principal(principal: str) -> None:
    """A service, an account, a user or role, or everybody.

    Source: Lambda API Reference, "AddPermission", Principal; recorded answers.
    """
    if principal != EVERYBODY and not any(
        kind.fullmatch(principal) for kind in (_SERVICE, _ACCOUNT, _USER)
    ):
        raise invalid(
            "The provided principal was invalid. Please check the principal and try again."
        )


# An answer


def _shown(statement: Statement, ref: FunctionRef, account: Account) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "Sid": statement.sid,
        "Effect": "Allow",
        "Principal": _shown_principal(statement.principal),
        "Action": statement.action or "lambda:*",
        "Resource": account.arn(ref.name, statement.qualifier),
    }
    conditions = _conditions(statement)
    return {**shown, "Condition": conditions} if conditions else shown


def _shown_principal(principal: str) -> Json:
    if principal == EVERYBODY:
        return EVERYBODY
    if _ACCOUNT.fullmatch(principal):
        return {"AWS": f"arn:aws:iam::{principal}:root"}
    return {"AWS": principal} if principal.startswith("arn:") else {"Service": principal}


def _conditions(statement: Statement) -> dict[str, Json]:
    equal: dict[str, Json] = {
        "AWS:SourceAccount": statement.source_account,
        "lambda:EventSourceToken": statement.token,
        "lambda:FunctionUrlAuthType": statement.url_auth_type,
        "aws:PrincipalOrgID": statement.organization,
    }
    equal = {name: text for name, text in equal.items() if text}
    conditions: dict[str, Json] = {"StringEquals": equal} if equal else {}
    if statement.via_url:
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": "true"}
    if statement.source_arn:
        conditions["ArnLike"] = {"AWS:SourceArn": statement.source_arn}
    return conditions
