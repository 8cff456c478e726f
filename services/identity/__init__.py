"""The embedded issuer: who users and apps are, and the tokens that say so (OAuth 2, OIDC)."""
