"""The only code that knows AWS. Each module is one service; `bootstrap` hands it to use cases."""
