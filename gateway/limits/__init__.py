"""How often a subject may come: one table, and what Envoy has to ask about it."""
