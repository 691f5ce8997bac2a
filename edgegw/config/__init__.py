"""Files → a frozen `Config`, or findings with file, line and column.

`document.py` reads YAML or JSON with the place of every value; `schema.py` says which keys and
types there are (and gives the JSON Schema); `check.py` follows the references between parts and
knows AWS's rules for configurations; `resolve.py` turns what passed into the immutable values that
requests use. A *finding* is one remark; all are collected before anything is raised.
"""
