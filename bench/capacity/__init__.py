"""How large Aviary has to be at a given scale, from what operations were measured to cost."""
