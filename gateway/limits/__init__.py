"""How often a caller may come: one table, and what Envoy has to ask about it."""
