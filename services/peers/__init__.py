"""Siblings over gRPC: each module is a client of one service, in the terms of its callers."""
