"""Durable and hot stores: engines behind ports, and the stores built on them."""
