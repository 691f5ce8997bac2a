"""The action jwt-validation: a bearer token is looked at before the request goes on.

- `model.py`: the action and its claims; `token.py`: a token as text → header, claims, signature.
- `key_set.py`: the keys of an issuer; `validation.py`: is the token good.
- `steps.py`: the step that needs keys.
"""
