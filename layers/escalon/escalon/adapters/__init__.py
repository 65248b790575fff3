"""The only code that knows AWS. Each module is one service, handed to the use cases by `bootstrap`."""
