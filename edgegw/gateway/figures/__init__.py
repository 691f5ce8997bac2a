"""How much of everything happened: metrics by AWS's names, and what a month of it costs.

    finished exchanges ─▶ tallies (`tallies.py`: alike ones of a minute together) ─┐
    logs of functions ──▶ `execution/figures.py`, when somebody asks ──────────────┼─▶ the store
    workers ────────────▶ `service.figures.note` ──────────────────────────────────┘   │
                                                      Prometheus text, the CloudWatch API, costs

A request costs one look into a table and some additions; everything else happens once a minute or
when somebody looks.
"""
