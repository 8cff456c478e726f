"""Fills a running Aviary with a graph and tweets, and plays a mix, through its public REST API."""
