"""The OpenAPI 3.1 document of the public API, and the page that shows it.

Both are made from the descriptor alone, so they say what the edge transcodes and nothing else.
"""

from gateway.openapi.document import openapi_document, to_json

__all__ = ["openapi_document", "to_json"]
