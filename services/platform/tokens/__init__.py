"""What the issuer and the edges agree on about tokens: issuers, lives, revocations."""
