"""What watches Aviary, built from the names in the code: rules, dashboards, the page of metrics.

`python -m tools.observability build` writes it, `check` fails when it is stale or wrong.
"""
