"""Routes: what an HTTP API of ours takes and answers, from which its OpenAPI description is
made."""
