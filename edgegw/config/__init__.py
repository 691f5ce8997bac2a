"""Files → a frozen `Config`, or findings with file, line and column.

`document.py` reads YAML or JSON with the place of every value; `schema.py` is the whole file and
gives the JSON Schema; `check.py` asks each product what must hold, and `resolve.py` turns what
passed into the immutable values that requests use (`model.py`).

Each product has a folder: `functions`, `http_fronts`, `distributions`, `balancers`, `events`, and
`gateway` for settings of the gateway itself. In each, `*keys.py` say which keys and types there
are, `*rules.py` what must hold for them by AWS's rules and by references (`deploy_rules.py`: what
AWS refuses at deployment alone), `*make.py` what they become.
A *finding* is one remark; all are collected before anything is raised.
"""
