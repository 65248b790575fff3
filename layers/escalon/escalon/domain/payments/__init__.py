"""The ledger and everything that moves it: payments, interest, fees."""
