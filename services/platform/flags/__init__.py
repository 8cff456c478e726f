"""Feature flags: switches that are thrown while Aviary runs, read through OpenFeature."""
